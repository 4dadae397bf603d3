// SPDX-License-Identifier: ISC
/*
 * Attempts in vain, again and again: a host refuses MAIL for now, ends each session with 421, or
 * closes it.  It may mean one sender, one recipient, or all mail.  Only that rests, so a long queue
 * costs few connections, and the mail of others goes on.  A host that ends sessions as they have
 * lasted long enough serves messages in between.
 */
#ifndef RUNNER_VAIN_H
#define RUNNER_VAIN_H

#include "attempt/outcome.h"

#define VAIN_MAX	10	/* refusals, or ends by 421, in a row */
#define VAIN_LOST_MAX	3	/* connections in a row that broke off: each may cost a time-out */
#define VAIN_SENDERS	4	/* different ones whose MAIL was refused: then it is all mail */
#define VAIN_ENDS	4	/* ends at mail of different senders and recipients: too */
#define VAIN_LOST	2	/* the same, if so many connections broke off */
#define VAIN_REST_MS	60000

/* The sender and the recipients of a job, as hashes with a key (base/keyed_hash.h). */
struct vain_who {
	uint64_t sender, rcpts;
	int64_t begun_ms;		/* the attempt, monotonic; 0: not known */
	bool verp;			/* a reply may name one of several recipients */
	bool served;			/* in this attempt some recipients got their mail */
};

/* NULL: none. */
struct vain;

/* The outcome of an attempt for them.  Connections that were open when one broke off, and break off
 * too, are no further ones in a row: all of them may have had the same host.  Nothing is learned
 * without memory. */
void vain_learn(struct vain **v, const struct vain_who *who, const struct outcome *o,
    int64_t now_ms);

/* Is their mail to be deferred without an attempt?  Then *ret is its outcome. */
bool vain_rests(const struct vain *v, const struct vain_who *who, int64_t now_ms,
    struct outcome *ret);

/* Did the last attempt in vain end its session?  A refusal of MAIL may not. */
bool vain_ended(const struct vain *v);

/* Is all mail of the destination in vain?  Then *ret is its outcome, and names nobody. */
bool vain_all(const struct vain *v, struct outcome *ret);

/* Forget all of it. */
void vain_drop(struct vain **v);

#endif
