// SPDX-License-Identifier: ISC
/*
 * A warm connection costs one round trip a message where the next message's MAIL, RCPT and DATA travel behind the content
 * of this one, as RFC 2920 section 3.1 allows.  Their replies are read when it is that message's turn; if the link breaks
 * before that, the message begins afresh, as if nothing had been said of it.  Called by client/transaction_content and delivery/smtp.
 */
#include "client/transaction_ahead.h"

#include <stdlib.h>

#include "client/transaction_plan.h"
#include "client/tls_policy.h"

/* Is there nobody of t's recipients who needs another transaction? */
static bool
is_last(const struct transaction *t)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_ACCEPTED && t->state[i] != RCPT_SETTLED)
			return false;
	return true;
}

/* What goes in one piece by BDAT needs no help: that is one round trip already. */
static bool
say(struct transaction *next, struct smtp_link *l, bool after_chunk)
{
	if (plan_make(next, l) != PLAN_READY || next->blind)
		return false;
	l->transactions++;
	next->announced = true;
	return commands_ahead(next, after_chunk) == 0;
}

static void
drop(struct transaction *t)
{
	if (t)
		transaction_done(t);
	free(t);
}

void
ahead_announce(struct transaction *t)
{
	struct delivery *d = t->d;
	struct smtp_link *l = t->link;
	struct transcript *transcript = d->transcript;
	struct transaction *next;
	struct attempt_job job;

	if (!d->next || d->one_by_one || !l->peer.pipelining || l->closed || !is_last(t) || !d->next(d->next_ctx, &job) ||
	    (tls_policy_requiretls(job.e) && !l->verified))
		return;
	next = malloc(sizeof *next);
	if (!next || transaction_init(next, d, job.e, job.rcpts, job.n) < 0) {
		free(next);
		return;
	}
	d->transcript = l->transcript = NULL;	/* which is that of another message still */
	if (say(next, l, t->chunked))
		d->ahead = next;
	else
		drop(next);
	d->transcript = l->transcript = transcript;
}

struct transaction *
ahead_take(struct delivery *d, const struct queue_entry *e)
{
	struct transaction *t = d->ahead;

	if (!t || t->e != e)
		return NULL;
	d->ahead = NULL;
	transcript_fact(d->transcript, "sent ahead, behind the message before this one:");
	commands_record(t);
	return t;
}

void
ahead_drop(struct delivery *d)
{
	if (d->ahead && d->link)
		d->link->closed = true;		/* it may be waiting for content: a QUIT would be taken for that */
	drop(d->ahead);
	d->ahead = NULL;
}
