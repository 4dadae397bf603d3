// SPDX-License-Identifier: ISC
/*
 * The signals a handler knows: SIGTERM and SIGINT end it in an orderly way, SIGHUP
 * makes the listener read its configuration again, SIGCHLD tells it that a session ended.
 */
#ifndef SESSION_SIGNALS_H
#define SESSION_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* Set by the signal, never cleared (stop) or cleared by who acts on it (reload). */
extern volatile sig_atomic_t signals_stop, signals_reload;

enum signals_for { SIGNALS_SESSION, SIGNALS_LISTENER };

/* Catch them from now on.  Returns a descriptor that is readable once one has come, for poll(2); -errno.
 * A forked session calls it again and gets a descriptor of its own. */
int signals_catch(enum signals_for whom);

/* Make the descriptor unreadable again. */
void signals_drain(int fd);

#endif
