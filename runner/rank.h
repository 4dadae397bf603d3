// SPDX-License-Identifier: ISC
/*
 * The rank of a message among those that wait for a worker.  Mail of people here comes before
 * foreign mail, which is a bounce, or a message of a stranger.  Then the priority that the sender
 * asked for decides (MT-PRIORITY, RFC 6710).
 */
#ifndef RUNNER_RANK_H
#define RUNNER_RANK_H

#include "queue/run.h"

#define RANK_OWN   10	/* the lowest rank of mail of people here */
#define RANK_USUAL 19	/* mail of people here, with priority 0 */
#define RANKS      29

/* The rank of a message by its envelope. */
unsigned rank_of(const struct queue_entry *e);

/* Is that the rank of foreign mail? */
static inline bool
rank_foreign(unsigned rank)
{
	return rank < RANK_OWN;
}

#endif
