// SPDX-License-Identifier: ISC
/*
 * How each way out of the queue (config/way) delivers: one table.
 */
#ifndef DELIVERY_WAY_H
#define DELIVERY_WAY_H

#include "attempt/attempt.h"

struct delivery_way {
	/* Deliver e to its recipients rcpts[0..n): the sink gets each of them exactly once. */
	void (*deliver)(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
	/* Add the path of an address's mailbox; NULL: the way has none.  here is the domain of
	 * <postmaster> without one.  0; -EINVAL if the address makes no safe name;
	 * -ENAMETOOLONG. */
	int (*mailbox)(const struct route *route, struct slice address, struct slice domain,
	    struct slice here, struct buf *path);
};

const struct delivery_way *delivery_way_of(const struct route *route);

/* The route of all recipients that are aliases, which is in no configuration. */
extern const struct route delivery_way_aliases;

/* The ways that have files of their own in this room. */
void deliver_maildir(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
void deliver_print(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
void deliver_aliases(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
