// SPDX-License-Identifier: ISC
/*
 * Listening sockets, our own or inherited, and a fresh process for each connection.
 */
#ifndef SESSION_LISTEN_H
#define SESSION_LISTEN_H

#include "config/options.h"
#include "session/children.h"

#define LISTEN_MAX 16		/* sockets */

struct listener {
	int fds[LISTEN_MAX];
	size_t n, ninherited;	/* inherited sockets are the first */
	int wake_fd;		/* of signals_catch() */
	size_t turn;		/* the socket that is looked at first: each gets its share */
	int64_t idle_since_ms;	/* since then there was no session; 0: not known */
	int64_t rest_until_ms;	/* accept nothing before: descriptors or memory have run out */
	struct children children;
};

/*
 * The sockets that a manager has handed over by LISTEN_FDS (sd_listen_fds(3)).  Listening sockets
 * join l.  One connection (Accept=yes without StandardInput=socket) goes to *ret_connection, which
 * is left alone otherwise.  0 or -errno: -EINVAL for anything else.
 */
int listen_inherit(struct listener *l, int *ret_connection);

/* The inherited sockets, and those at `addresses` (ADDR:PORT).  0, or an exit status; the reason
 * is logged. */
int listen_open(struct listener *l, const char *const *addresses, size_t n, int *ret_connection);

/* Prepare to accept, before the sandbox is entered.  If STARTTLS is on, start the process for it,
 * and set start->tls_served.  0, or an exit status; the reason is logged. */
int listen_prepare(struct listener *l, const struct options *options, const struct config *config,
    struct start *start);

/* Accept until a signal ends the listener: an exit status.  Or -1 in the fresh process of a
 * session, with its client in *ret_fd and l->children.to_listener for its remarks.  SIGHUP reads
 * config again. */
int listen_accept(struct listener *l, const struct options *options, struct config *config,
    int *ret_fd);

/* Refuse the client on fd: the configuration could not be read. */
void listen_refuse(int fd);

/* Refuse the clients of the inherited sockets for some seconds, as listen_refuse() does.  If silent
 * is set, the reply would have to be inside TLS, and their connections are only closed. */
void listen_refuse_all(struct listener *l, bool silent);

#endif
