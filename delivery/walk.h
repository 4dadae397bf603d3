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

/* How much an outcome tells about why there is no delivery; a later one of the same rank replaces
 * an earlier one. */
enum { TOLD_NOTHING, TOLD_LOST, TOLD_REFUSED, TOLD_REPLY, TOLD_OWN, TOLD_LOGIN };

struct walk {
	struct delivery *d;
	struct link_terms terms;	/* of any session there */
	bool looked_up;
	struct mx_list mx;
	struct order_target targets[ORDER_MAX];	/* not tried yet, in order */
	size_t n;
	size_t resting;			/* addresses that were not dialled, as they fail again and again */
	unsigned dials, sessions;
	int64_t end_ms;			/* monotonic: no new host after that */
	unsigned gone, refused;		/* hosts that refused for good (521, 554), and those that did not take mail at all */
	int told;			/* how much `why` tells: TOLD_ */
	struct outcome why;
	struct outcome gone_why;	/* what the last of the gone said */
	struct buf tried;		/* "mx1.example[192.0.2.1]:25: Connection refused; ..." */
	char tried_space[OUTCOME_DETAIL - 40];
	struct buf rests;		/* the same of those that were not dialled */
	char rests_space[OUTCOME_DETAIL - 40];
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

/* The host at the other end does not want our IPv6 address, and we have another: o (deferred) is what it said.  From here on only
 * IPv4 addresses are tried. */
void walk_moves(struct walk *w, const struct smtp_link *l, const struct outcome *o);

/* walk_greet.c: the session on a connection to host that was dialled, or to a socket (t is NULL).  NULL when mail cannot go over
 * it: such a host counts as failed, so that the next message begins with another. */
struct smtp_link *walk_greet(struct walk *w, const struct order_target *t, const char *host, const struct dial_target *dialled);

/* For it: what is to be said in the end, if nobody tells more; who was tried; what the DNS means; is there an IPv4 address left? */
void walk_tell(struct walk *w, int rank, const struct outcome *o);
void walk_add_tried(struct walk *w, const char *host, const char *what);
enum outcome_cause walk_dns_cause(enum mx_status status);
bool walk_has_ipv4(const struct walk *w);

/* walk_notes.c: "mx1.example[192.0.2.1]:25", without the name where it is only the address again. */
void walk_host_text(const struct order_target *t, char text[300]);
/* For the transcript: what the DNS said, how a dial went. */
void walk_note_answer(const struct walk *w);
void walk_note_dial(const struct walk *w, const char *host, const struct dial_target *dialled, const char *what);
/* "mx1.example[192.0.2.1]:25 fails since ..., next try at ..." */
void walk_note_resting(const struct order_target *t, struct buf *b);
/* For the table of hosts; dialled may be NULL, and a socket (t is NULL, the link has no key) has no place there. */
void walk_tell_host(const struct walk *w, const struct order_target *t, const struct dial_target *dialled,
    enum host_event event, enum host_tls tls);
void walk_tell_link(const struct delivery *d, const struct smtp_link *l, enum host_event event);

#endif
