// SPDX-License-Identifier: ISC
/*
 * One message over one link: MAIL, RCPT, DATA, and each recipient's outcome.  Private to the room.
 */
#ifndef DELIVERY_TRANSACTION_H
#define DELIVERY_TRANSACTION_H

#include "delivery/delivery.h"
#include "delivery/link.h"

struct transaction {
	struct delivery *d;
	struct queue_entry *e;
	struct smtp_link *link;		/* of the running transaction */
	uint32_t *left;			/* recipients nobody has heard of yet; malloc'ed */
	size_t nleft;
	unsigned char *state;		/* of each of left[] in the running transaction: enum in transaction.c */
	bool mail_accepted;
	size_t accepted;		/* RCPTs taken, now waiting for DATA */
	struct outcome why;		/* TRANSACTION_NEXT: what is wrong with this host (deferred) */
};

enum transaction_end {
	TRANSACTION_DONE,		/* something was settled; what is left may go over the same link, if it is still open */
	TRANSACTION_NEXT,		/* this host does not get further: another one for what is left */
};

/* 0 or -ENOMEM. */
int transaction_init(struct transaction *t, struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);
void transaction_done(struct transaction *t);

/* Offer the message over l for all that are left. */
enum transaction_end transaction_run(struct transaction *t, struct smtp_link *l);

/* The same outcome for all that are left. */
void transaction_settle_rest(struct transaction *t, const struct outcome *o);

/* The content, dots doubled, and the final dot (delivery/payload.c).  0 or -errno; -EIO is our own
 * disk. */
int payload_send(struct smtp_link *l, const struct queue_entry *e);

#endif
