// SPDX-License-Identifier: ISC
/*
 * The way to a destination: look it up, put its exchangers in order, dial, greet, and go
 * on to the next where one does not take mail.  Private to the room.
 */
#ifndef DELIVERY_WALK_H
#define DELIVERY_WALK_H

#include "delivery/delivery.h"
#include "delivery/greet.h"
#include "delivery/order.h"

struct walk {
	struct delivery *d;
	struct link_terms terms;	/* of any session there */
	bool looked_up;
	struct mx_list mx;
	struct order_target targets[ORDER_MAX];	/* not tried yet, in order */
	size_t n;
	unsigned dials, sessions;
	int64_t end_ms;			/* monotonic: no new host after that */
	unsigned gone, refused;		/* hosts that refused for good (521, 554), and those that did not take mail at all */
	int told;			/* how much `why` tells: enum in walk.c */
	struct outcome why;
	struct outcome gone_why;	/* what the last of the gone said */
	struct buf tried;		/* "mx1.example[192.0.2.1]:25: Connection refused; ..." */
	char tried_space[OUTCOME_DETAIL - 40];
};

/* For e, as the sender may have something to say about the way. */
void walk_init(struct walk *w, struct delivery *d, const struct queue_entry *e);
void walk_done(struct walk *w);

/* An open link to the next host that takes mail; the caller's.  NULL when there is none (left), and
 * then w->why says what that means for all recipients that are left. */
struct smtp_link *walk_next(struct walk *w);

/* Were all hosts that there are open to us?  Then what none of them could do, none can. */
bool walk_met_all(const struct walk *w);

/* The host found last did not work out after all; o (deferred) is what to say if no other does. */
void walk_blame(struct walk *w, const struct outcome *o);

#endif
