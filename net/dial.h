// SPDX-License-Identifier: ISC
/*
 * Connect to the fastest of several addresses, and measure all of them on the way.
 * Knows no SMTP: "fast" is the first octet from the other side.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define DIAL_MAX 16

enum dial_state {
	DIAL_UNTRIED,
	DIAL_OPEN,		/* spoke: first_us is set */
	DIAL_SLOW,		/* cut off while still waiting: waited_us tells how long at least it takes */
	DIAL_FAILED,		/* error says why */
};

struct dial_target {
	struct sockaddr_storage address;
	socklen_t address_len;
	int delay_ms;		/* start it so long after the first, or as soon as one of a shorter delay has failed; never
				 * falls from one target to the next.  RFC 8305 suggests 250 between families */
	/* results */
	enum dial_state state;
	int fd;			/* -1, or the open connection (non-blocking, first octets unread) */
	int error;		/* errno: ECONNREFUSED, ETIMEDOUT, ... */
	int64_t connect_us;	/* from connect() to connected, 0 when it never was */
	int64_t first_us;	/* from connect() to the first octet */
	int64_t waited_us;
};

struct dial_options {
	int connect_timeout_ms, first_timeout_ms;	/* first: from connected to the first octet */
	bool silent;		/* the other side waits for us: who is connected has spoken; no goodbye then */
	int linger_factor;	/* after the winner spoke, wait for the others until factor * its time has passed, at most */
	int linger_max_ms;	/* this long, so that they get measured too; 0: do not wait */
	const struct sockaddr_storage *bind;	/* nbind source addresses; the one of the target's family is used */
	size_t nbind;
};

/*
 * Race targets[0..n): returns the index of the first that spoke (its fd stays open, it is the
 * caller's), or -1 when none did.  All other descriptors are closed; those that were connected
 * got `goodbye` (borrowed, may be NULL) written first.
 */
int dial_race(struct dial_target *targets, size_t n, const struct dial_options *o, const char *goodbye);

/* A connection to a socket of this host, non-blocking.  Its descriptor, or -errno. */
int dial_socket(const char *path, int timeout_ms);

#endif
