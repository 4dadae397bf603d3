// SPDX-License-Identifier: ISC
/*
 * The next message's commands on their way behind the content of this one.  Private to the room.
 */
#ifndef CLIENT_TRANSACTION_AHEAD_H
#define CLIENT_TRANSACTION_AHEAD_H

#include "client/transaction.h"

/* t's content is queued, and nobody is left to ask for: if the next message is known and may go over the same link, queue
 * what can be said of it. */
void ahead_announce(struct transaction *t);

/* The transaction of which so much is said already, the caller's to end and free; NULL: nothing was said of this message. */
struct transaction *ahead_take(struct delivery *d, const struct queue_entry *e);

/* Its link is gone or about to: it was never said. */
void ahead_drop(struct delivery *d);

#endif
