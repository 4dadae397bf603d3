// SPDX-License-Identifier: ISC
/*
 * Delivery into Maildirs of users by the agent, as the user.
 */
#ifndef DELIVERY_OWNER_H
#define DELIVERY_OWNER_H

#include "attempt/attempt.h"

/* Start the process beside this one that asks the agent.  0 or -errno. */
int owner_begin(struct delivery *d);

/* Let the agent write e into the Maildirs of its recipients rcpts[0..n).  The sink gets each of
 * them exactly once. */
void deliver_owner(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
