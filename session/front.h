// SPDX-License-Identifier: ISC
/*
 * The front of a handler that listens itself (--listen, LISTEN_FDS): the main's half that comes
 * before a session.  As a part of the main it logs.
 */
#ifndef SESSION_FRONT_H
#define SESSION_FRONT_H

#include "config/options.h"
#include "session/listen.h"

/*
 * The sockets we were given, and those at `addresses` (ADDR:PORT).  0, or an exit status once it is logged why.
 * A connection that we were given goes to *ret_connection, which is else left alone.
 */
int listen_open(struct listener *l, const char *const *addresses, size_t n, int *ret_connection);

/* Accept until told to stop.  An exit status; or -1 in the fresh process of a session, whose client is *ret_fd.
 * SIGHUP reads config again. */
int listen_accept(struct listener *l, const struct options *options, struct config *config, int *ret_fd);

/* Tell a client that it finds nobody: the configuration could not be read. */
void listen_sorry(int fd);

#endif
