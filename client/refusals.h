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
#define REFUSALS_SENDERS 4	/* different ones, in a row: then it is all mail that is refused */
#define REFUSALS_REST_MS 60000	/* for so long the sender's mail is deferred as it is */
#define REFUSALS_KNOWN	 16	/* senders that are known to be refused by any session */
#define REFUSALS_FORGET	 10	/* accepted MAIL of such a sender: then it is one no more */

/* A sender whose MAIL was refused, without one of any sender that was accepted since then. */
struct refusals_row {
	uint64_t sender;		/* a hash of the reverse-path */
	unsigned n;
	unsigned all;			/* of these, not for its address */
	int64_t until_ms;		/* monotonic: its mail rests, if n is enough */
	struct outcome last;
};

/* Zeros: none. */
struct refusals {
	struct refusals_row rows[REFUSALS_SENDERS];	/* the last senders */
	unsigned nrows;			/* so far: the next one replaces the oldest */
	unsigned all;			/* of any sender, and not for its address */
	/* The last senders that were refused as the first of a session: no limit of sessions. */
	struct refusals_first {
		uint64_t sender;	/* 0: none */
		unsigned accepted;	/* MAIL of it since then */
	} firsts[REFUSALS_KNOWN];
	unsigned nfirst;		/* so far: the next one replaces the oldest */
};

/* MAIL from this sender was refused with this outcome.  first: the session had taken no MAIL. */
void refusals_add(struct refusals *r, struct slice from, bool first, const struct outcome *o,
    int64_t now_ms);

/* A MAIL from this sender was accepted. */
void refusals_end(struct refusals *r, struct slice from);

/* Is a refusal of this sender none of the session, as a new one has refused it, too? */
bool refusals_known(const struct refusals *r, struct slice from);

/* Is mail of this sender to be deferred without a question?  Then *ret is its outcome.  verp: each
 * recipient has another reverse-path, and the text of the host, which may name one, is left out. */
bool refusals_rest(const struct refusals *r, struct slice from, bool verp, int64_t now_ms,
    struct outcome *ret);

/* Does the host refuse all mail?  Then *ret is the outcome of all mail to the destination, without
 * the text of the host, which may name a sender. */
bool refusals_everyone(const struct refusals *r, struct outcome *ret);

/* Leave out the text of a host's reply to one member of a list. */
void refusals_hide(struct outcome *o);

#endif
