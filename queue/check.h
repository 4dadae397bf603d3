// SPDX-License-Identifier: ISC
/*
 * Is the queue as it should be?  Every name of every folder is looked at, and every octet of every message.
 */
#ifndef QUEUE_CHECK_H
#define QUEUE_CHECK_H

#include "queue.h"

/* What mends a fault. */
enum queue_repair {
	QUEUE_REPAIR_NONE,	/* only a person can */
	QUEUE_REPAIR_RELAY,	/* the relay does, with its next run */
	QUEUE_REPAIR_MAKE,	/* make the folder */
	QUEUE_REPAIR_MODE,	/* nobody else may read it */
	QUEUE_REPAIR_BURY,	/* put it into dead/ */
	QUEUE_REPAIR_NEW,	/* put it into new/ */
	QUEUE_REPAIR_REMOVE,	/* remove it: nothing is in it */
};

struct queue_fault {
	const char *path;	/* below the queue's folder; "." that itself */
	const char *what;
	enum queue_repair repair;
	bool repaired;
	int error;		/* -errno of a repair that failed */
};

struct queue_check {
	bool repair;		/* mend what can be */
	void (*fault)(void *ctx, const struct queue_fault *fault);
	void *ctx;
	/* The rest is told. */
	uint64_t messages, dead, receiving, faults, repaired;
};

/* q is opened to look.  Safe beside handlers and a runner; what is a living runner's is not touched.  0, or -errno when not
 * all could be seen. */
int queue_check(const struct queue *q, struct queue_check *c);

#endif
