// SPDX-License-Identifier: ISC
/*
 * The files of counters of this queue, and their sums for people.
 */
#ifndef RUNNER_COUNTED_H
#define RUNNER_COUNTED_H

#include "queue.h"
#include "stats/stats.h"

struct counted {
	struct stats_file files[2];	/* of runs, of sessions */
	bool read[2];
};

enum counted_sum {
	COUNTED_ACCEPTED,		/* messages */
	COUNTED_DELIVERED,		/* recipients, in attempts */
	COUNTED_DEFERRED,
	COUNTED_FAILED,
	COUNTED_REFUSED,		/* commands, contents, logins, clients */
	COUNTED_SUMS
};

extern const char *const counted_words[COUNTED_SUMS];

/* Read both files.  Without a file nothing has been counted. */
void counted_read(const struct queue *q, struct counted *ret);

void counted_add_up(const struct counted *c, uint64_t ret[COUNTED_SUMS]);

#endif
