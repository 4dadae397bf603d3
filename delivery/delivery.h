// SPDX-License-Identifier: ISC
/*
 * One destination, in a worker: messages are delivered to it one after the other, each by the way
 * that the route names.  Blocking, with deadlines.
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "attempt/attempt.h"

/* Deliver e to its recipients rcpts[0..n), indices into e->rcpts.  The sink gets each of them exactly once; each is marked
 * (delivered only: failures are marked by the parent once the bounce is durable) and noted in the message's log. */
void deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
/* End what is kept: QUIT and close. */
void delivery_done(struct delivery *d);

/* The ways out, each as deliver(). */
void deliver_maildir(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
void deliver_print(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
/* Recipients that are aliases, all of e's in one call: a copy of e goes to what they stand for. */
void deliver_aliases(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
