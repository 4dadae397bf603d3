// SPDX-License-Identifier: ISC
/*
 * One destination: its messages are delivered one after the other, each by the way of the route.
 * Blocking, with deadlines.
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "attempt/attempt.h"

/* Deliver e to its recipients rcpts[0..n), which are indices into e->rcpts.  The sink gets each of
 * them exactly once.  Each is noted in the message's log; only those delivered are also marked. */
void deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

/* End the link that is kept, with QUIT, and free the rest. */
void delivery_done(struct delivery *d);

#endif
