// SPDX-License-Identifier: ISC
/*
 * The signals of a handler: SIGTERM and SIGINT end it in an orderly way, SIGHUP makes a listener
 * read its configuration again, SIGCHLD reports the end of a session.  A listener ends a session by
 * SIGUSR1 if it is idle, by SIGUSR2 if its client has passed a limit.  By SIGURG, which ends no
 * process, it admits the client that a balancer or a proxy has named.
 */
#ifndef SESSION_SIGNALS_H
#define SESSION_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* A signal sets its flag.  signals_stop is the signal's number and stays; the listener clears
 * signals_reload. */
extern volatile sig_atomic_t signals_stop, signals_reload;

enum signals_for { SIGNALS_SESSION, SIGNALS_LISTENER };

/* A listener that is not ready yet keeps SIGHUP for later: it would end the process. */
void signals_keep_reload(void);

/* Catch them from now on.  Returns a descriptor for poll(2), readable after a signal, or -errno.  A
 * forked session calls this again and gets a descriptor of its own. */
int signals_catch(enum signals_for whom);

/* Before the listener is asked: an answer to an earlier question, which came too late, does not
 * count. */
void signals_forget_admission(void);

/* Wait until the listener has admitted the client, or a signal ends the session, for wait_ms at
 * most.  fd is that of signals_catch(); it stays readable if the session ends. */
void signals_await_admission(int fd, int wait_ms);

/* Make the descriptor unreadable again. */
void signals_drain(int fd);

#endif
