// SPDX-License-Identifier: ISC
/*
 * Check the queue: every name of every folder, and every octet of every message.
 */
#ifndef QUEUE_CHECK_H
#define QUEUE_CHECK_H

#include "queue.h"

/* The repair of a fault. */
enum queue_repair {
	QUEUE_REPAIR_NONE,	/* only a person can repair it */
	QUEUE_REPAIR_RELAY,	/* the next run of the relay repairs it */
	QUEUE_REPAIR_OWNER,	/* give it to its user of the queue */
	QUEUE_REPAIR_ACCESS,	/* give it the group and the mode that two users need */
	QUEUE_REPAIR_MAKE,	/* create the folder */
	QUEUE_REPAIR_MODE,	/* remove the access of other users */
	QUEUE_REPAIR_BURY,	/* move it to dead/ */
	QUEUE_REPAIR_NEW,	/* move it to new/ */
	QUEUE_REPAIR_REMOVE,	/* remove it: it is empty */
};

struct queue_fault {
	const char *path;	/* path below the queue's folder; "." is that folder */
	const char *what;
	enum queue_repair repair;
	bool repaired;
	int error;		/* -errno of a repair that failed */
};

struct queue_check {
	bool repair;		/* repair the faults that can be repaired */
	bool only_users;	/* leave files that belong to neither user of the queue */
	void (*fault)(void *ctx, const struct queue_fault *fault);
	void *ctx;
	/* Results; each check adds to them. */
	uint64_t messages, dead, receiving, faults, repaired;
};

/*
 * Check the users of the queue's files and folders, before it is opened: root must repair this as
 * root.  If this machine has the users of the service, a queue of root's should be theirs.  A queue
 * of smtp-handler's should be smtp-relay's, and is then a queue of two users.  Faults are given and
 * counted as by queue_check(), which leaves files of other users alone.  0 or -errno.
 */
int queue_check_owners(const char *directory, struct queue_check *c);

/* Check the queue q, which was opened with QUEUE_LOOK.  Each fault is given to c->fault().  Safe
 * beside handlers and a runner: files of a living runner are not touched.  0, or -errno if a part
 * could not be read. */
int queue_check(const struct queue *q, struct queue_check *c);

#endif
