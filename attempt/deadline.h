// SPDX-License-Identifier: ISC
/*
 * The time limit that a sender set for the delivery (DELIVERBY, RFC 2852), as the envelope keeps
 * it.
 */
#ifndef ATTEMPT_DEADLINE_H
#define ATTEMPT_DEADLINE_H

#include "attempt/outcome.h"
#include "queue/run.h"
#include "smtp/client_offer.h"

struct deadline {
	/* false: no limit was set, and the other members have no meaning. */
	bool set;
	/* Mode R: the message fails after the limit; else (N) the sender gets a notice. */
	bool give_back;
	bool trace;
	/* It had passed on arrival: the server before us has informed the sender. */
	bool noticed;
	/* Unix seconds; counted from the arrival, also for a held message (RFC 4865). */
	int64_t at_s;
};

/* Read the limit of a message from its envelope. */
struct deadline deadline_of(const struct queue_entry *e);

/* Has the limit passed? */
bool deadline_over(const struct deadline *d, int64_t now_s);

/* Has the limit passed, and does that end the message (mode R)? */
bool deadline_ends(const struct deadline *d, int64_t now_s);

#define DEADLINE_TEXT "not delivered in the time that the sender has set"

/* Set the outcome of a message whose limit has passed.  last: the detail of the last attempt, or
 * empty. */
void deadline_outcome(struct outcome *o, struct slice host, struct slice last);

/* Does this server accept the time that is left? */
bool deadline_fits(const struct deadline *d, const struct client_offer *peer, int64_t now_s);

/* The parameters of MAIL for this server: BY with the time that is left, or no BY.  If they differ
 * from the envelope's, they are written to b. */
struct slice deadline_params(const struct queue_entry *e, const struct client_offer *peer,
    int64_t now_s, struct buf *b);

#endif
