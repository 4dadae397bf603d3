// SPDX-License-Identifier: ISC
/*
 * Destinations of the messages in the queue, by age, with what the messages wait for.  A short
 * queue is read as a whole.  In a long one only a part is read, which the random tails of the IDs
 * choose, and each message of it stands for several.
 */
#ifndef TOOLS_QUEUE_SAMPLE_H
#define TOOLS_QUEUE_SAMPLE_H

#include "config/config.h"
#include "tools/queue/tally.h"

#define SAMPLE_GROUPS 200
#define SAMPLE_NAME   128
#define SAMPLE_WHY    200

struct sample_group {
	char name[SAMPLE_NAME];		/* of the destination, cut; "": those beyond the table */
	char why[SAMPLE_WHY];		/* the last reply about its newest recipient that has one */
	int64_t why_s;			/* arrival of that message, unix seconds */
	int64_t oldest_s;		/* unix seconds */
	double messages;		/* estimated unless `factor` is 1 */
	double ages[TALLY_AGES];
};

struct sample {
	struct sample_group groups[SAMPLE_GROUPS];	/* the most messages first */
	size_t n;
	double factor;			/* messages that one stands for; 1: all were read */
	double broken;			/* files that are no messages, or kill what reads them */
	int64_t took_us;
};

/* Read about `most` of the messages that the relay is to deliver, of which there are `all`.  A
 * message counts for each of its destinations.  0 or -errno. */
int sample_take(const struct queue *q, const struct config *c, uint64_t all, uint64_t most,
    struct sample *ret);

#endif
