// SPDX-License-Identifier: ISC
/*
 * MAIL that is refused for now (4yz), again and again.  A host may refuse one sender, or all mail,
 * because it counts messages.  It must not be asked again for each message of a long queue.  Pure.
 * Private to the room.
 */
#ifndef CLIENT_REFUSALS_H
#define CLIENT_REFUSALS_H

#include "attempt/outcome.h"

#define REFUSALS_MAX     10	/* in a row: then no further message is asked for */
#define REFUSALS_CHANGES 3	/* of the sender, in a row: then it is all mail that is refused */
#define REFUSALS_REST_MS 60000	/* for so long the sender's mail is deferred as it is */

/* Zeros: none. */
struct refusals {
	unsigned n;			/* of one sender, in a row */
	unsigned all;			/* of any sender, and not for its address */
	unsigned changes;		/* of the sender between them */
	uint64_t sender;		/* of the last: a hash of the reverse-path */
	/* The last sender that was refused as the first of a session: no limit of sessions; 0:
	 * none. */
	uint64_t at_first;
	int64_t until_ms;		/* monotonic */
	struct outcome last;
};

/* MAIL from this sender was refused with this outcome.  first: the session had taken no MAIL. */
void refusals_add(struct refusals *r, struct slice from, bool first, const struct outcome *o,
    int64_t now_ms);

/* A MAIL was accepted. */
void refusals_end(struct refusals *r);

/* Is a refusal of this sender none of the session, as a new one has refused it, too? */
bool refusals_known(const struct refusals *r, struct slice from);

/* Is mail of this sender to be deferred without a question?  Then *ret is its outcome. */
bool refusals_rest(const struct refusals *r, struct slice from, int64_t now_ms,
    struct outcome *ret);

/* Does the host refuse all mail?  Then *ret is the outcome of all mail to the destination, without
 * the text of the host, which may name a sender. */
bool refusals_everyone(const struct refusals *r, struct outcome *ret);

#endif
