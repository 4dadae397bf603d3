// SPDX-License-Identifier: ISC
/*
 * The order of one attempt by any way: reset what the last one left, test whether the message may
 * still be delivered, hand it to its way, keep the transcript.  Before that, the table of ways, and
 * the two ways that need no file of their own.  Must not log, and must not decide what follows
 * (attempt/outcome does) nor when to try again (the runner does).
 */
#include "delivery/delivery.h"

#include <assert.h>

#include "attempt/deadline.h"
#include "base/clock.h"
#include "client/deliver.h"
#include "delivery/alias.h"
#include "delivery/maildir.h"
#include "delivery/owner.h"
#include "delivery/print.h"
#include "mailbox/path.h"

/* ---- the ways ---- */

static void
deliver_discard(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct outcome o;

	outcome_set(&o, CAUSE_DELIVERED, SL(""), SL("discarded"));
	attempt_report_all(d, e, rcpts, n, &o);
}

static void
deliver_reject(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct outcome o;

	outcome_set(&o, CAUSE_ROUTE_REJECT, SL(""), slice_str(d->route->target));
	attempt_report_all(d, e, rcpts, n, &o);
}

static const struct delivery_way ways[] = {
	[VIA_MX] = { .deliver = deliver_smtp },
	[VIA_SMTP] = { .deliver = deliver_smtp },
	[VIA_LMTP] = { .deliver = deliver_smtp },
	[VIA_MAILDIR] = { .deliver = deliver_maildir, .mailbox = mailbox_path },
	[VIA_OWNER] = { .deliver = deliver_owner, .mailbox = mailbox_path },
	[VIA_PRINT] = { .deliver = deliver_print },
	[VIA_DISCARD] = { .deliver = deliver_discard },
	[VIA_REJECT] = { .deliver = deliver_reject },
	[VIA_ALIASES] = { .deliver = deliver_aliases, .queues = true },
};

static_assert(sizeof ways / sizeof ways[0] == WAYS, "each way has a row");

const struct delivery_way *
delivery_way_of(const struct route *route)
{
	return &ways[route->via];
}

static char aliases[] = "aliases";
const struct route delivery_way_aliases = {
	.pattern = aliases, .via = VIA_ALIASES, .via_text = aliases,
};

/* ---- an attempt ---- */

static void
begin(struct delivery *d, const struct queue_entry *e, size_t n)
{
	d->begun_us = clock_us();
	d->times = (struct outcome_times){ 0 };
	d->undelivered = false;
	d->leaves = n == e->nrcpts && !e->others;
	d->held = (struct buf)BUF(d->held_space);
	transcript_begin(d->transcript);
}

/* Over a link the client tests this itself: it may have to finish what it has sent before. */
static bool
is_too_late(const struct delivery *d, const struct queue_entry *e)
{
	const struct deadline deadline = deadline_of(e);

	return !way_of(d->route->via)->over_link && deadline_ends(&deadline, clock_wall_s());
}

void
deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct outcome late;

	begin(d, e, n);
	if (is_too_late(d, e)) {
		outcome_set(&late, CAUSE_DEADLINE, SL(""), SL(DEADLINE_TEXT));
		attempt_report_all(d, e, rcpts, n, &late);
	} else {
		delivery_way_of(d->route)->deliver(d, e, rcpts, n);
	}
	/* A message that leaves the queue takes its log with it: do not write one. */
	if (d->undelivered || !d->leaves)
		(void)transcript_write(d->transcript, e);
}

void
delivery_done(struct delivery *d)
{
	deliver_done(d);
}
