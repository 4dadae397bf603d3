// SPDX-License-Identifier: ISC
/*
 * A message to a destination over SMTP or LMTP: transactions over the kept link or a new one, host
 * after host, until each recipient has an outcome.
 */
#include "client/deliver.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client/connect.h"
#include "client/state.h"
#include "client/transaction.h"

static void
drop_link(struct client_state *c)
{
	/* It may close behind its reply to the first message, and the second one shows that. */
	if (c->link)
		c->cut = c->link->closed && !c->link->served && c->link->transactions <= 2;
	transaction_drop_ahead(c);
	link_done(c->link);
	c->link = NULL;
}

void
deliver_done(struct delivery *d)
{
	if (!d->client)
		return;
	drop_link(d->client);
	tls_client_done(&d->client->tls);
	free(d->client);
	d->client = NULL;
}

/* A connection that was kept idle may be closed by now, or close at the next command (421).  That
 * is not the host's fault: ask it again over a new connection. */
static bool
went_stale(const struct delivery *d, bool kept)
{
	return kept && d->client->link->closed;
}

static void
suspect(struct client_state *c, enum host_event event)
{
	c->suspicion.event = event;
	memcpy(c->suspicion.key, c->link->key, sizeof c->suspicion.key);
}

/* A transaction over another connection has come to its end without what was suspected. */
static void
confirm(const struct delivery *d)
{
	struct client_suspicion *s = &d->client->suspicion;
	const struct smtp_link *l = d->client->link;

	if (!s->key[0] || strcmp(s->key, l->key) != 0)
		return;
	/* A message that DATA does not bring either was refused for what it is. */
	if (s->event != HOST_NO_BDAT || l->served)
		connect_report_link(d, l, s->event);
	s->key[0] = '\0';
}

/* Learn about things that the host offers.  Only a new link shows them: a host may close one that
 * was idle, or that has had enough messages, at any time. */
static void
learn_offer(const struct delivery *d, const struct transaction *t, bool kept)
{
	const struct smtp_link *l = d->client->link;
	const bool fresh = !kept && l->transactions == 1;

	if (t->no_bdat)
		connect_report_link(d, l, HOST_NO_BDAT);
	if (t->no_chunk)
		suspect(d->client, HOST_NO_BDAT);
	if (t->broke_chunk && fresh)
		connect_report_link(d, l, HOST_BDAT_BROKE);
	if (t->broke_group && fresh)
		connect_report_link(d, l, HOST_NO_PIPELINING);
	if (t->no_ahead)
		suspect(d->client, HOST_NO_AHEAD);
}

/* Has the link ended at a group with a content, without any reply?  A kept one may have been closed
 * before: that is not the host's fault. */
static bool
ended_unheard(const struct transaction *t)
{
	return t->lost && !t->replied_to;
}

/* Report what the transaction shows of the host, for the next attempt. */
static void
learn(const struct delivery *d, const struct transaction *t, enum transaction_end end, bool kept)
{
	struct smtp_link *l = d->client->link;

	learn_offer(d, t, kept);
	if (t->lost) {
		if (!kept || !ended_unheard(t))
			connect_report_link(d, l, HOST_BROKE);
	} else if (l->closed && ((end == TRANSACTION_NEXT && !went_stale(d, kept)) ||
	    (end == TRANSACTION_DONE && l->reply.code == 421))) {
		connect_report_link(d, l, HOST_REFUSED);
	} else if (end == TRANSACTION_DONE && !l->proven) {
		l->proven = true;
		connect_report_link(d, l, HOST_PROVEN);
		confirm(d);
	}
}

/* No host is left. */
static void
give_up(const struct delivery *d, struct transaction *t, struct connect *c)
{
	/* Another message may waive the demands of the hosts. */
	c->why.everyone = c->sessions == 0 && !c->requiretls && !c->demanded;
	if (t->refused)
		(void)refusals_everyone(&d->client->refusals, &c->why);
	transaction_settle_rest(t, t->any_unfit && connect_met_all(c) ? &t->unfit : &c->why);
}

/* The host refuses the message for now, and no other host takes it.  The link is kept, because a
 * host that limits rates counts connections, too. */
static void
keep_refusing(struct delivery *d, struct transaction *t, struct connect *c)
{
	connect_blame(c, &t->why);
	c->why.everyone = false;
	(void)refusals_everyone(&d->client->refusals, &c->why);
	transaction_settle_rest(t, &c->why);
	d->client->link->last_resort = true;
}

/* The reply to one member of a list may name it.  It is the reason of others, too. */
static void
blame(struct connect *c, const struct transaction *t)
{
	struct outcome why = t->why;

	if (t->e->verp && t->nleft > 1)
		refusals_hide(&why);
	connect_blame(c, &why);
}

/* The link is of no more use, but recipients may be left: what that means for the next host. */
static void
leave_link(struct delivery *d, struct transaction *t, struct connect *c, enum transaction_end end,
    bool kept)
{
	struct outcome lost;

	if (end == TRANSACTION_BY_TLS) {
		connect_report_link(d, d->client->link, HOST_NO_CLEAR);
		d->client->tls_again = true;
		connect_done(c);
		connect_init(c, d, t->e);
		blame(c, t);
	} else if (end == TRANSACTION_SPENT) {		/* the same hosts again, from the first */
		connect_done(c);
		connect_init(c, d, t->e);
	} else if (end == TRANSACTION_DONE) {
		outcome_set(&lost, CAUSE_LOST, slice_str(d->client->link->host),
		    SL("the exchanger closed the connection "
		       "before all recipients were handled"));
		connect_blame(c, &lost);
	} else if (end == TRANSACTION_NEXT && !went_stale(d, kept)) {
		blame(c, t);
	}
}

/* One transaction over the open link, and what follows from it.  False: the link is of no more
 * use. */
static bool
go_over_link(struct delivery *d, struct transaction *t, struct connect *c, bool kept)
{
	struct smtp_link *l = d->client->link;
	const bool was_ahead = t->ahead;
	const enum transaction_end end = transaction_run(t, l);

	if (t->moved) {
		connect_avoid_ipv6(c, l, &t->why);
		return false;
	}
	learn(d, t, end, kept);
	if (end == TRANSACTION_DONE && !l->closed)
		return true;
	if (end == TRANSACTION_NEXT && t->refused && !l->closed &&
	    (l->alone || l->last_resort || !connect_has_more(c))) {
		keep_refusing(d, t, c);
		return true;
	}
	leave_link(d, t, c, end, kept);
	d->client->one_by_one |= (was_ahead && end == TRANSACTION_NEXT && l->closed) ||
	    (kept && t->lost && t->blind);
	return false;
}

/* Have the hosts refused MAIL of this sender too often?  Then they are not asked.  For the message
 * that runs, that counts for the host which has refused it. */
static bool
settle_resting(struct delivery *d, struct transaction *t, bool begun)
{
	struct outcome o;

	if (t->ahead || (begun && t->nrefused < REFUSALS_MAX) ||
	    !refusals_rest(&d->client->refusals, t->e->from, t->e->verp, clock_ms(), &o))
		return false;
	transcript_fact(d->transcript, "%s", o.detail);
	transaction_settle_rest(t, &o);
	return true;
}

static void
deliver_left(struct delivery *d, struct transaction *t, struct connect *c)
{
	struct client_state *client = d->client;
	bool kept = client->link != NULL, begun = false;

	while (t->nleft && !settle_resting(d, t, begun)) {
		begun = true;
		if (!client->link)
			client->link = connect_next(c);
		if (!client->link) {
			give_up(d, t, c);
			return;
		}
		if (go_over_link(d, t, c, kept))
			continue;
		drop_link(client);
		kept = false;
	}
}

/* Drop the kept link if this message may not go over it, or if it is closed. */
static void
check_kept(struct delivery *d, const struct queue_entry *e)
{
	struct client_state *client = d->client;

	if (client->link && !transaction_may_use(d, client->link, e))
		drop_link(client);
	if (client->link && !link_alive(client->link)) {
		client->link->closed = true;		/* no QUIT */
		drop_link(client);
	}
}

/* The transaction of e: the one sent ahead, or a new one.  NULL without memory. */
static struct transaction *
begin(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct transaction *t;

	if (!d->client)
		d->client = calloc(1, sizeof *d->client);
	if (!d->client)
		return NULL;
	t = transaction_take_ahead(d, e);
	if (t)
		return t;
	check_kept(d, e);
	return transaction_new(d, e, rcpts, n);
}

void
deliver_smtp(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct transaction *t = begin(d, e, rcpts, n);
	const struct smtp_link *kept;
	struct connect c;
	struct outcome o;

	if (!t) {
		outcome_set(&o, CAUSE_LOCAL, SL(""), SL("out of memory"));
		attempt_report_all(d, e, rcpts, n, &o);
		return;
	}
	d->client->tls_again = false;
	kept = d->client->link;
	if (kept) {
		d->times.latency_us = kept->latency_us;
		transcript_fact(d->transcript, "over the open connection to %s", kept->host);
	}
	connect_init(&c, d, e);
	deliver_left(d, t, &c);
	connect_done(&c);
	transaction_free(t);
}
