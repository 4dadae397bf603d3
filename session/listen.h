// SPDX-License-Identifier: ISC
/*
 * Listening sockets, our own or inherited, and a fresh process for each connection.
 * Knows no SMTP and writes no log: what happens is told to the main, event by event.
 */
#ifndef SESSION_LISTEN_H
#define SESSION_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define LISTEN_MAX 16		/* sockets */

struct listener {
	int fds[LISTEN_MAX];
	size_t n;
	int wake_fd;		/* of signals_catch() */
	size_t turn;		/* whose socket is looked at first: each gets its share */
	int64_t rest_until_ms;	/* accept nothing before: descriptors or memory have run out */
	pid_t *children;	/* sessions that run */
	size_t nchildren, room;
};

/* Listen on one more address.  0 or -errno; -EMFILE when there are LISTEN_MAX. */
int listen_bind(struct listener *l, const struct sockaddr *sa, socklen_t len);

/*
 * What systemd, or another manager that speaks LISTEN_FDS, has handed over (sd_listen_fds(3)).  Listening
 * sockets join l; a connection (Accept=yes without StandardInput=socket) goes to *ret_connection, which
 * is else left alone.  0 or -errno: -EINVAL for anything but listening sockets or one connection.
 */
int listen_inherit(struct listener *l, int *ret_connection);

enum listen_event {
	LISTEN_SESSION,		/* this is the fresh process: fd is its client */
	LISTEN_FULL,		/* fd is a client too many: the main says so and closes it */
	LISTEN_TROUBLE,		/* error is the errno; fd a client that got no process, or -1 */
	LISTEN_DIED,		/* a session was killed by the signal `error` */
	LISTEN_RELOAD,		/* SIGHUP */
	LISTEN_STOP,		/* SIGTERM or SIGINT */
};

struct listen_news {
	enum listen_event event;
	int fd, error;
};

/* Wait for the next thing that concerns the main; at most max sessions at a time. */
void listen_next(struct listener *l, size_t max, struct listen_news *ret);

/* Accept no more, tell the sessions to end, and wait for them at most timeout_ms.  Returns how many are left. */
size_t listen_stop(struct listener *l, int timeout_ms);

#endif
