// SPDX-License-Identifier: ISC
/*
 * The sockets of sessions, as the process has them that asks Redis.  A session may have been taken
 * over: one that sends garbage is hung up on, and one that passes a second socket loses the first.
 */
#ifndef SHARED_TALLY_DESK_H
#define SHARED_TALLY_DESK_H

#include <sys/types.h>

#include "shared/tally.h"

#define TALLY_SESSIONS_MAX 4096

struct tally_desk {
	int fd;				/* sessions pass their sockets here; -1: none do */
	int epoll;			/* of this and of the sockets; -1: none */
	size_t n, max;
	struct tally_socket {
		pid_t pid;		/* of its session */
		int fd;
	} sockets[TALLY_SESSIONS_MAX];
};

struct tally_call {
	int fd;				/* the session's socket */
	struct tally_query query;
};

/* The desk at fd, which has SO_PASSCRED.  As many sockets as this process may open, and no more
 * than TALLY_SESSIONS_MAX.  0 or -errno. */
int tally_desk_open(struct tally_desk *d, int fd);

/* Take the queries that wait, one of each session, and at most max.  Returns their number. */
size_t tally_desk_take(struct tally_desk *d, struct tally_call *ret, size_t max);

void tally_desk_answer(const struct tally_call *call, enum tally_result result);

#endif
