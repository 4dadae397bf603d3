// SPDX-License-Identifier: ISC
/*
 * Connect to the fastest of several addresses, and measure all of them.  Knows no SMTP: the fastest
 * address is the one whose first octet comes first.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define DIAL_MAX 16

enum dial_state {
	DIAL_UNTRIED,
	DIAL_OPEN,		/* sent an octet: first_us is set */
	DIAL_SLOW,		/* given up while we waited: it needs longer than waited_us */
	DIAL_FAILED,		/* error has the reason */
};

struct dial_target {
	struct sockaddr_storage address;
	socklen_t address_len;
	/* Start this long after the first target, or as soon as a target with a shorter delay
	 * failed.  The delays must not fall from one target to the next.  RFC 8305 section 8
	 * recommends 250 ms between families. */
	int delay_ms;
	/* Results. */
	enum dial_state state;
	int fd;			/* the open connection, non-blocking, nothing read; or -1 */
	int error;		/* errno: ECONNREFUSED, ETIMEDOUT, ... */
	int64_t connect_us;	/* from connect() until connected; 0: never connected */
	int64_t first_us;	/* from connect() to the first octet */
	int64_t waited_us;
};

struct dial_options {
	int connect_timeout_ms;	/* from connect() until connected */
	int first_timeout_ms;	/* from connected to the first octet */
	/* The peer waits for us: connected counts as the first octet, and no goodbye is sent. */
	bool silent;
	/* After the first octet of the winner, wait for the others until they had factor times its
	 * time. */
	int linger_factor;
	int linger_max_ms;	/* limit of that wait, which measures the others; 0: no wait */
	/* nbind source addresses; the one of the target's family is used. */
	const struct sockaddr_storage *bind;
	size_t nbind;
};

/*
 * Race targets[0..n).  Returns the index of the winner, or -1 if no target sent an octet.  The
 * winner's fd stays open and is the caller's; all others are closed.  A loser that was connected
 * gets `goodbye` first (borrowed, may be NULL).
 */
int dial_race(struct dial_target *targets, size_t n, const struct dial_options *o,
    const char *goodbye);

/* Connect to a Unix socket.  The descriptor, non-blocking, which the caller closes; or -errno. */
int dial_socket(const char *path, int timeout_ms);

#endif
