// SPDX-License-Identifier: ISC
/*
 * The way to a destination: look it up, put its exchangers in order, dial, greet, and go
 * on to the next where one does not take mail.  Private to the room.
 */
#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include "attempt/attempt.h"
#include "client/greet.h"
#include "hosts/order.h"

/* How much an outcome tells about why there is no delivery; a later one of the same rank replaces
 * an earlier one. */
enum { REASON_NOTHING, REASON_LOST, REASON_REFUSED, REASON_REPLY, REASON_OWN, REASON_LOGIN };

struct connect {
	struct delivery *d;
	struct tls_policy policy;	/* of any session there */
	bool looked_up;
	struct mx_list mx;
	struct order_target targets[ORDER_MAX];	/* not tried yet, in order */
	size_t n;
	size_t resting;			/* addresses that were not dialled, as they fail again and again */
	unsigned dials, sessions;
	int64_t end_ms;			/* monotonic: no new host after that */
	unsigned gone, refused;		/* hosts that refused for good (521, 554), and those that did not take mail at all */
	int rank;			/* of `why`: REASON_ */
	struct outcome why;
	struct outcome gone_why;	/* what the last of the gone said */
	struct buf tried;		/* "mx1.example[192.0.2.1]:25: Connection refused; ..." */
	char tried_space[OUTCOME_DETAIL - 40];
	struct buf rests;		/* the same of those that were not dialled */
	char rests_space[OUTCOME_DETAIL - 40];
};

/* For e, as the sender may have something to say about the way. */
void connect_init(struct connect *c, struct delivery *d, const struct queue_entry *e);
void connect_done(struct connect *c);

/* An open link to the next host that takes mail; the caller's.  NULL when there is none (left), and
 * then c->why says what that means for all recipients that are left. */
struct smtp_link *connect_next(struct connect *c);

/* Were all hosts that there are open to us?  Then what none of them could do, none can. */
bool connect_met_all(const struct connect *c);

/* The host found last did not work out after all; o (deferred) is what to say if no other does. */
void connect_blame(struct connect *c, const struct outcome *o);

/* The host at the other end does not want our IPv6 address, and we have another: o (deferred) is what it said.  From here on only
 * IPv4 addresses are tried. */
void connect_avoid_ipv6(struct connect *c, const struct smtp_link *l, const struct outcome *o);

/* connect_notes.c: "mx1.example[192.0.2.1]:25", without the name where it is only the address again. */
void connect_host_text(const struct order_target *t, char text[300]);
/* For the transcript: what the DNS said, how a dial went. */
void connect_note_answer(const struct connect *c);
void connect_note_dial(const struct connect *c, const char *host, const struct dial_target *dialled, const char *what);
/* "mx1.example[192.0.2.1]:25 fails since ..., next try at ..." */
void connect_note_resting(const struct order_target *t, struct buf *b);
/* For the table of hosts; dialled may be NULL, and a socket (t is NULL, the link has no key) has no place there. */
void connect_report_host(const struct connect *c, const struct order_target *t, const struct dial_target *dialled,
    enum host_event event, enum host_tls tls);
void connect_report_link(const struct delivery *d, const struct smtp_link *l, enum host_event event);

#endif
