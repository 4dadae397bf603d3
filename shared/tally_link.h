// SPDX-License-Identifier: ISC
/*
 * A session's socket to the process that asks Redis.  The session makes it when its user first
 * sends mail, and passes the other end through the desk, a socket that all sessions of a listener
 * inherit.  So no session reads the answers to another.
 */
#ifndef SHARED_TALLY_LINK_H
#define SHARED_TALLY_LINK_H

#include "base/slice.h"
#include "shared/tally.h"

/* The desk's socket, as a filter of system calls knows it: one of another type could be sent to any
 * address. */
#define TALLY_SOCKET (SOCK_SEQPACKET | SOCK_CLOEXEC)

struct tally_link {
	int desk;			/* -1: there is no listener, or it shares nothing */
	int fd;				/* -1: not open */
	uint32_t number;		/* of the last query */
	int64_t again_ms;		/* nobody is asked before this time */
};

/*
 * Count one more of what for the user, on all machines.  This waits SHARED_WAIT_MS at most, and
 * then asks nobody for a second.  The result is TALLY_UNKNOWN if there is no answer, or the name
 * is too long.
 */
enum tally_result tally_take(struct tally_link *l, struct slice user, enum tally_what what,
    uint64_t most, int64_t time_s);

void tally_link_close(struct tally_link *l);

#endif
