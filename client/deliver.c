// SPDX-License-Identifier: ISC
/*
 * A message to a destination over SMTP: transactions over a kept link or a new one, host after host,
 * until each recipient's outcome is known.  The rules of one host stand in client/transaction,
 * those of finding hosts in delivery/walk.
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

/* A connection that was kept idle may be closed by now, or close as soon as we speak (421): that says nothing
 * about the host, so it is asked again, over a new one. */
static bool
went_stale(const struct delivery *d, bool kept)
{
	return kept && d->link->closed;
}

/* What the transaction says of the host, for the next attempt. */
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

static void
deliver_left(struct delivery *d, struct transaction *t, struct connect *c)
{
	bool kept = d->link != NULL;
	struct outcome lost;

	while (t->nleft) {
		const bool was_ahead = t->ahead;
		enum transaction_end end;

		if (!d->link)
			take_link(d, connect_next(c));
		if (!d->link) {
			c->why.everyone = c->sessions == 0 && !c->policy.by_message;
			transaction_settle_rest(t, t->any_unfit && connect_met_all(c) ? &t->unfit : &c->why);
			return;
		}
		end = transaction_run(t, d->link);
		if (t->moved) {
			connect_avoid_ipv6(c, d->link, &t->why);
			deliver_drop_link(d);
			kept = false;
			continue;
		}
		learn(d, t, end, kept);
		if (end == TRANSACTION_DONE && !d->link->closed)
			continue;
		if (end == TRANSACTION_SPENT) {		/* on with the same hosts, from the start */
			connect_done(c);
			connect_init(c, d, t->e);
		} else if (end == TRANSACTION_DONE) {
			outcome_set(&lost, CAUSE_LOST, slice_str(d->link->host),
			    SL("the exchanger closed the connection before all recipients were handled"));
			connect_blame(c, &lost);
		} else if (end == TRANSACTION_NEXT && !went_stale(d, kept)) {
			connect_blame(c, &t->why);
		}
		d->one_by_one |= was_ahead && end == TRANSACTION_NEXT && d->link->closed;
		deliver_drop_link(d);
		kept = false;
	}
}

/* May this message go over the link that was kept, and is that still one? */
static void
check_kept(struct delivery *d, const struct queue_entry *e)
{
	if (d->link && tls_policy_requiretls(e) && !d->link->verified)
		deliver_drop_link(d);
	if (d->link && !link_alive(d->link)) {
		d->link->closed = true;		/* no QUIT either */
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
