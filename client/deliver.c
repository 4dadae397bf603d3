// SPDX-License-Identifier: ISC
/*
 * A message to a destination over SMTP or LMTP: transactions over a kept link or a new one, host
 * after host, until each recipient has an outcome.
 */
#include "client/deliver.h"

#include "client/connect.h"
#include "client/transaction.h"

void
deliver_drop_link(struct delivery *d)
{
	transaction_drop_ahead(d);
	link_done(d->link);
	d->link = NULL;
	d->link_tls = NULL;
}

static void
take_link(struct delivery *d, struct smtp_link *l)
{
	d->link = l;
	d->link_tls = l ? l->tls : NULL;
}

/* A connection that was kept idle may be closed by now, or close at the next command (421).  That
 * is not the host's fault: ask it again over a new connection. */
static bool
went_stale(const struct delivery *d, bool kept)
{
	return kept && d->link->closed;
}

/* Report what the transaction shows of the host, for the next attempt. */
static void
learn(const struct delivery *d, const struct transaction *t, enum transaction_end end, bool kept)
{
	struct smtp_link *l = d->link;

	if (t->lost) {
		connect_report_link(d, l, HOST_BROKE);
	} else if (end == TRANSACTION_NEXT && l->closed && !went_stale(d, kept)) {
		connect_report_link(d, l, HOST_REFUSED);
	} else if (end == TRANSACTION_DONE && !l->proven) {
		l->proven = true;
		connect_report_link(d, l, HOST_PROVEN);
	}
}

/* No host is left. */
static void
give_up(struct transaction *t, struct connect *c)
{
	c->why.everyone = c->sessions == 0 && !c->policy.by_message;
	transaction_settle_rest(t, t->any_unfit && connect_met_all(c) ? &t->unfit : &c->why);
}

/* The link is of no more use, but recipients may be left: what that means for the next host. */
static void
leave_link(struct delivery *d, struct transaction *t, struct connect *c, enum transaction_end end,
    bool kept)
{
	struct outcome lost;

	if (end == TRANSACTION_SPENT) {		/* the same hosts again, from the first */
		connect_done(c);
		connect_init(c, d, t->e);
	} else if (end == TRANSACTION_DONE) {
		outcome_set(&lost, CAUSE_LOST, slice_str(d->link->host),
		    SL("the exchanger closed the connection "
		       "before all recipients were handled"));
		connect_blame(c, &lost);
	} else if (end == TRANSACTION_NEXT && !went_stale(d, kept)) {
		connect_blame(c, &t->why);
	}
}

static void
deliver_left(struct delivery *d, struct transaction *t, struct connect *c)
{
	bool kept = d->link != NULL;

	while (t->nleft) {
		const bool was_ahead = t->ahead;
		enum transaction_end end;

		if (!d->link)
			take_link(d, connect_next(c));
		if (!d->link) {
			give_up(t, c);
			return;
		}
		end = transaction_run(t, d->link);
		if (t->moved) {
			connect_avoid_ipv6(c, d->link, &t->why);
		} else {
			learn(d, t, end, kept);
			if (end == TRANSACTION_DONE && !d->link->closed)
				continue;
			leave_link(d, t, c, end, kept);
			d->one_by_one |= was_ahead && end == TRANSACTION_NEXT && d->link->closed;
		}
		deliver_drop_link(d);
		kept = false;
	}
}

/* Drop the kept link if this message may not go over it, or if it is closed. */
static void
check_kept(struct delivery *d, const struct queue_entry *e)
{
	if (d->link && tls_policy_requiretls(e) && !d->link->verified)
		deliver_drop_link(d);
	if (d->link && !link_alive(d->link)) {
		d->link->closed = true;		/* no QUIT */
		deliver_drop_link(d);
	}
}

void
deliver_smtp(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct transaction *t = transaction_take_ahead(d, e);
	struct connect c;
	struct outcome o;

	if (!t) {
		check_kept(d, e);
		t = transaction_new(d, e, rcpts, n);
	}
	if (!t) {
		outcome_set(&o, CAUSE_LOCAL, SL(""), SL("out of memory"));
		for (size_t i = 0; i < n; i++)
			attempt_report(d, e, rcpts[i], &o);
		return;
	}
	if (d->link) {
		d->times.latency_us = d->link->latency_us;
		transcript_fact(d->transcript, "over the open connection to %s", d->link->host);
	}
	connect_init(&c, d, e);
	deliver_left(d, t, &c);
	connect_done(&c);
	transaction_free(t);
}
