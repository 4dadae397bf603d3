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

#define MAILDIR_LOOP_TEXT "the message has been delivered to this mailbox before: a mail loop"

/* The cause of the result, 0 or -errno, of writing into a Maildir. */
enum outcome_cause maildir_cause(int error);

#endif
