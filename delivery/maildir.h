// SPDX-License-Identifier: ISC
/*
 * Delivery into Maildirs.
 */
#ifndef DELIVERY_MAILDIR_H
#define DELIVERY_MAILDIR_H

#include "attempt/attempt.h"

/* Write e into the Maildirs of its recipients rcpts[0..n).  The sink gets each of them exactly
 * once. */
void deliver_maildir(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
