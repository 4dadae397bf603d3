// SPDX-License-Identifier: ISC
/*
 * A message to a destination over SMTP or LMTP.
 */
#ifndef CLIENT_DELIVER_H
#define CLIENT_DELIVER_H

#include "attempt/attempt.h"

/* Deliver e to its recipients rcpts[0..n).  The sink gets an outcome for each, exactly once. */
void deliver_smtp(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

/* End the connection that is kept, if there is one. */
void deliver_drop_link(struct delivery *d);

#endif
