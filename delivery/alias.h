// SPDX-License-Identifier: ISC
/*
 * Recipients that stand for others: copies of the message go to their addresses.
 */
#ifndef DELIVERY_ALIAS_H
#define DELIVERY_ALIAS_H

#include "attempt/attempt.h"

/* Queue a copy of e for the addresses that its recipients rcpts[0..n) stand for.
 * The sink gets each of them exactly once. */
void deliver_aliases(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
