// SPDX-License-Identifier: ISC
/*
 * The last days by hours, from the history and from the counters of now.
 */
#ifndef TOOLS_QUEUE_PAST_H
#define TOOLS_QUEUE_PAST_H

#include "queue/operator.h"
#include "runner/history.h"

#define PAST_HOURS 168
#define PAST_HOSTS 200		/* hosts that are looked at */
#define PAST_DAY   24

/* The time to the greeting of one address, by hours; less than 0: unknown. */
struct past_host {
	char name[sizeof((struct history_line *)0)->name];
	char address[HOST_KEY];
	double ms[PAST_HOURS];
	unsigned known;			/* hours */
	int64_t connect_us, first_us;	/* of the last line */
	unsigned failures;
};

struct past {
	int64_t now_s;
	int64_t since_s;		/* the first line that counts; 0: there is none */
	double sums[COUNTED_SUMS][PAST_HOURS];	/* the newest hour last */
	double day[COUNTED_SUMS];	/* of the last PAST_DAY hours */
	double causes[CAUSE_COUNT];	/* of the same */
	struct past_host hosts[PAST_HOSTS];	/* those known for the most hours first */
	size_t nhosts;
};

/* Read the history, and the counters and hosts of now. */
void past_read(const struct queue *q, int64_t now_s, struct past *ret);

#endif
