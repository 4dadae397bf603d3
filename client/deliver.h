// SPDX-License-Identifier: ISC
/*
 * A message to a destination over SMTP or LMTP, host after host.  The order of an attempt by any
 * way is in delivery/delivery, its context in attempt/attempt.
 */
#ifndef CLIENT_DELIVER_H
#define CLIENT_DELIVER_H

#include "attempt/attempt.h"

/* Deliver e to its recipients rcpts[0..n).  The sink gets an outcome for each, exactly once.  The
 * link is kept for the next message in d->client; deliver_done() must follow. */
void deliver_smtp(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

/* End the link that is kept, with QUIT, and free d->client.  Nothing if there is none. */
void deliver_done(struct delivery *d);

#endif
