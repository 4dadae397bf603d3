// SPDX-License-Identifier: ISC
/*
 * One message over one link (RFC 5321 section 3.3): who is asked for in this transaction, and from how it
 * went what becomes of each recipient.  Must not choose hosts: when this one fails before a reply settled a recipient,
 * that recipient is left for the next.  Called by client/deliver only.
 */
#include "client/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/ipv6_refused.h"
#include "client/transaction_plan.h"

int
transaction_init(struct transaction *t, struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	memset(t, 0, sizeof *t);
	t->d = d;
	t->e = e;
	payload_init(&t->original, e);
	t->payload = t->original;
	t->converted.fd = -1;
	t->left = malloc((n ? n : 1) * sizeof *t->left);
	t->state = malloc(n ? n : 1);
	if (!t->left || !t->state) {
		transaction_done(t);
		return -ENOMEM;
	}
	memcpy(t->left, rcpts, n * sizeof *rcpts);
	memset(t->state, RCPT_LATER, n);
	t->nleft = n;
	return 0;
}

void
transaction_done(struct transaction *t)
{
	free(t->left);
	free(t->state);
	if (t->converted.fd >= 0)
		(void)close(t->converted.fd);
	t->converted.fd = -1;
	t->left = NULL;
	t->state = NULL;
	t->nleft = 0;
}

void
transaction_settle(struct transaction *t, size_t i, const struct outcome *o)
{
	t->state[i] = RCPT_SETTLED;
	attempt_report(t->d, t->e, t->left[i], o);
}

bool
transaction_moves(struct transaction *t)
{
	const struct smtp_link *l = t->link;

	if (!ipv6_refused(l))
		return false;
	outcome_set_reply(&t->why, CAUSE_REPLY_TEMPORARY, &l->reply, slice_str(l->host));
	t->moved = true;
	return true;
}

void
transaction_settle_rest(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_SETTLED)
			transaction_settle(t, i, o);
	t->nleft = 0;
}

static void
drop_settled(struct transaction *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_SETTLED)
			t->left[kept++] = t->left[i];
	t->nleft = kept;
	memset(t->state, RCPT_LATER, kept);
}

/*
 * The commands did not come to their end.  This host does not get us further, and the link is of no use any more.  Also
 * where all of the content is out already: a peer that has not even answered the recipients has not taken it.
 */
static enum transaction_end
broken(struct transaction *t, int error)
{
	struct smtp_link *l = t->link;
	struct outcome o;

	if (error == -EIO || (error != -ECONNABORTED && commands_all_heard(t)))
		return content_cut(t, error);
	if (error == -EPROTO && t->blind && commands_all_sent(t) && !commands_mail_refused(t))
		return content_unsure(t, error);
	if (error != -ECONNABORTED) {
		link_outcome(l, error, commands_name(t), &o);
		if (!commands_mail_refused(t))	/* else that reply says more */
			t->why = o;
	} else if (!transaction_moves(t)) {
		outcome_from_reply(&t->why, &l->reply, slice_str(l->host));
	}
	l->closed = true;
	return TRANSACTION_NEXT;
}

/* Nothing was said. */
static enum transaction_end
not_begun(struct transaction *t, enum plan plan)
{
	struct outcome o;

	if (plan == PLAN_SPENT)
		return TRANSACTION_SPENT;
	if (plan == PLAN_UNFIT)
		return TRANSACTION_UNFIT;
	outcome_set(&o, CAUSE_LOCAL, SL(""), SL("no room for a copy in seven bits"));
	transaction_settle_rest(t, plan == PLAN_HOPELESS ? &t->unfit : &o);
	return TRANSACTION_DONE;
}

enum transaction_end
transaction_run(struct transaction *t, struct smtp_link *l)
{
	enum transaction_end end = TRANSACTION_DONE;
	enum plan plan = t->announced ? PLAN_READY : plan_make(t, l);
	int r;

	if (plan != PLAN_READY)
		return not_begun(t, plan);
	if (!t->announced)
		l->transactions++;
	t->announced = false;
	if (t->blind)
		attempt_keep_on();
	r = commands_run(t);
	if (r < 0)
		end = broken(t, r);
	else if (commands_all_sent(t))
		end = content_run(t);
	drop_settled(t);
	if (t->nleft)
		attempt_may_stop();
	if (t->moved && t->nleft)
		return TRANSACTION_NEXT;
	return end == TRANSACTION_DONE && !t->mail_accepted && t->nleft ? TRANSACTION_NEXT : end;
}
