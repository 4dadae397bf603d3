// SPDX-License-Identifier: ISC
/*
 * What a peer cannot carry, found out before a word is said.  Private to the room.
 */
#ifndef CLIENT_FIT_H
#define CLIENT_FIT_H

#include "client/payload.h"

/* Why this message cannot go over this link, and the same for people to why; CAUSE_DELIVERED: it can. */
enum outcome_cause fit_message(const struct queue_entry *e, const struct payload *p, const struct smtp_link *l,
    struct buf *why);

/* The same for one recipient. */
enum outcome_cause fit_rcpt(const struct queue_rcpt *rcpt, const struct smtp_link *l, struct buf *why);

/* May another exchanger of the same domain carry what this one cannot? */
bool fit_elsewhere(enum outcome_cause cause);

#endif
