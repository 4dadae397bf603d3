// SPDX-License-Identifier: ISC
/*
 * The time by which a sender wants its message delivered (DELIVERBY, RFC 2852), as the envelope keeps it.
 */
#ifndef ATTEMPT_DEADLINE_H
#define ATTEMPT_DEADLINE_H

#include "attempt/outcome.h"
#include "queue/run.h"
#include "smtp/client_offer.h"

struct deadline {
	bool set;			/* false: the sender has not asked, and all else means nothing */
	bool give_back;			/* mode R: fails when it has passed, else (N) the sender is told */
	bool trace;
	bool told;			/* it had passed when the message came: who sent it here has told the sender */
	int64_t at_s;			/* unix; counted from when the message came in, whether it is held (RFC 4865) or not */
};

struct deadline deadline_of(const struct queue_entry *e);
/* It has passed. */
bool deadline_over(const struct deadline *d, int64_t now_s);
/* It has passed, and that ends the message. */
bool deadline_ends(const struct deadline *d, int64_t now_s);

/* What to say of it then; last: what the last attempt said, or empty. */
#define DEADLINE_TEXT "not delivered in the time that the sender has set"
void deadline_outcome(struct outcome *o, struct slice host, struct slice last);

/* Does this server take what is left of the time? */
bool deadline_fits(const struct deadline *d, const struct client_offer *peer, int64_t now_s);

/* The sender's parameters for this server: BY with what is left of the time, or without BY.  Into b where they
 * differ from the envelope's. */
struct slice deadline_params(const struct queue_entry *e, const struct client_offer *peer, int64_t now_s, struct buf *b);

#endif
