// SPDX-License-Identifier: ISC
/*
 * The order of one attempt: reset what the last one left, test whether the message may still be
 * delivered, hand it to its way, keep the transcript.  Must not log, and must not decide what
 * follows (attempt/outcome does) nor when to try again (the runner does).
 */
#include "delivery/delivery.h"

#include "attempt/deadline.h"
#include "base/clock.h"
#include "client/deliver.h"
#include "delivery/way.h"

static void
begin(struct delivery *d, const struct queue_entry *e, size_t n)
{
	d->begun_us = clock_us();
	d->times = (struct outcome_times){ 0 };
	d->undelivered = false;
	d->leaves = n == e->nrcpts;
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
	deliver_drop_link(d);
	tls_client_done(&d->tls);
}
