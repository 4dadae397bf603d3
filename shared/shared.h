// SPDX-License-Identifier: ISC
/*
 * Limits that several machines share: a process beside the listener (smtp-shared) asks Redis.
 * No question waits longer than SHARED_WAIT_MS.  A listener without an answer has its own limits
 * only, and asks again when the process reports that Redis replies.
 */
#ifndef SHARED_SHARED_H
#define SHARED_SHARED_H

#include <sys/types.h>

#include "config/options.h"
#include "shared/query.h"

#define SHARED_WAIT_MS 20
#define SHARED_DESK_FD 3	/* of the process: the desk */

enum shared_state {
	SHARED_OFF,		/* the machine shares no limits */
	SHARED_STARTING,
	SHARED_HERE,
	SHARED_AWAY,
	SHARED_ENDED,		/* the process has ended */
};

struct shared {
	enum shared_state state;
	int fd;			/* to the process; -1: none */
	int desk;		/* by which sessions reach it (tally_link.h); -1: none */
	uint32_t number;	/* of the last query */
	bool lost;		/* frames did not fit into the socket */
};

#define SHARED_NONE { .fd = -1, .desk = -1 }

/* Start the process of a run of the queue (shared/talk.h).  Call it before walls.  A socket, or
 * -errno. */
int shared_start_run(const struct options *options);

/* Start the process of a listener.  Call it before walls.  0 or -errno. */
int shared_start(struct shared *s, const struct options *options);

/* Hang up: the process ends.  The desk stays. */
void shared_close(struct shared *s);

/*
 * May the client have one more connection, so that it has `open` here?  Returns the limit that it
 * passes on all machines together, or STRANGERS_LIMITS; this also without an answer.
 */
enum strangers_limit shared_enter(struct shared *s, const struct strangers_limits *limits,
    const struct strangers_key *key, uint32_t open);

/* The client has now `open` connections here. */
void shared_open(struct shared *s, const struct strangers_key *key, uint32_t open);

/* Count a failure of the client. */
void shared_count(struct shared *s, const struct strangers_limits *limits,
    const struct strangers_key *key, enum strangers_limit what);

/* Take the frames that wait.  The state follows. */
void shared_listen(struct shared *s);

#endif
