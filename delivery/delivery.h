// SPDX-License-Identifier: ISC
/*
 * One attempt for a message, by the way of its route.  The messages of one destination are
 * delivered one after the other.  Blocking, with deadlines.
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "attempt/attempt.h"

/* Deliver e to its recipients rcpts[0..n), which are indices into e->rcpts.  The sink gets each of
 * them exactly once.  Each is noted in the message's log; only those delivered are also marked. */
void deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

/* End the link that is kept, with QUIT, and free the rest. */
void delivery_done(struct delivery *d);

/* How each way out of the queue (config/way) delivers: one row each. */
struct delivery_way {
	/* Deliver e to its recipients rcpts[0..n): the sink gets each of them exactly once. */
	void (*deliver)(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
	/* Add the path of an address's mailbox; NULL: the way has none.  here is the domain of
	 * <postmaster> without one.  0; -EINVAL if the address makes no safe name;
	 * -ENAMETOOLONG. */
	int (*mailbox)(const struct route *route, struct slice address, struct slice domain,
	    struct slice here, struct buf *path);
	/* It puts new messages into the queue.  A worker gets one job: its walls name the files as
	 * they are at its start. */
	bool queues;
};

const struct delivery_way *delivery_way_of(const struct route *route);

/* The route of all recipients that are aliases, which is in no configuration. */
extern const struct route delivery_way_aliases;

#endif
