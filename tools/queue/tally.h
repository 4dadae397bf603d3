// SPDX-License-Identifier: ISC
/*
 * The number of messages in each state, by age.  The names of the files have the time, so no file
 * is opened.  The names of a very long queue are counted in the background, at most a twentieth of
 * the time; until the next count is done, the last one counts.
 */
#ifndef TOOLS_QUEUE_TALLY_H
#define TOOLS_QUEUE_TALLY_H

#include "queue/operator.h"

#define TALLY_PLACES (QUEUE_IN_DEAD + 1)
#define TALLY_AGES   7

/* The ages of a class, such as "1h-4h". */
extern const char *const tally_ages[TALLY_AGES];

struct tally_counts {
	int64_t counted_us, took_us;
	uint64_t n[TALLY_PLACES][TALLY_AGES];
	int64_t oldest_s[TALLY_PLACES];		/* unix seconds; 0: there is none */
};

/* Count now, for at most some time; 0: however long it takes.  0; -EAGAIN if the time is over;
 * -errno. */
int tally_count(const struct queue *q, int64_t most_us, struct tally_counts *ret);

/* Count at once if that is fast, else get the last count, and begin another one in the background.
 * 0; -EAGAIN if there is no count yet; -errno. */
int tally_get(const struct queue *q, struct tally_counts *ret);

/* The class of an age. */
unsigned tally_class(int64_t age_s);

uint64_t tally_sum(const struct tally_counts *c, enum queue_place place);

#endif
