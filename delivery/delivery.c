// SPDX-License-Identifier: ISC
/*
 * The ways out of the queue by route, and what each of them does with a result: mark, note, report.
 * Called by a worker; must not log, must not decide what follows (attempt/outcome does) nor
 * when to try again (the runner does).
 */
#include "delivery/delivery.h"

#include "base/clock.h"
#include "attempt/deadline.h"
#include "client/deliver.h"

static void
report_all(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n, enum outcome_cause cause,
    const char *detail)
{
	struct outcome o;

	outcome_set(&o, cause, SL(""), slice_str(detail));
	for (size_t i = 0; i < n; i++)
		attempt_report(d, e, rcpts[i], &o);
}

static void
by_route(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	const struct route *route = d->route;

	switch (route->via) {
	case VIA_MX:
	case VIA_SMTP:
	case VIA_LMTP:
		deliver_smtp(d, e, rcpts, n);
		return;
	case VIA_MAILDIR:
		deliver_maildir(d, e, rcpts, n);
		return;
	case VIA_PRINT:
		deliver_print(d, e, rcpts, n);
		return;
	case VIA_DISCARD:
		report_all(d, e, rcpts, n, CAUSE_DELIVERED, "discarded");
		return;
	case VIA_REJECT:
		report_all(d, e, rcpts, n, CAUSE_ROUTE_REJECT, route->target ? route->target : "refused here");
		return;
	case VIA_ALIASES:
		deliver_aliases(d, e, rcpts, n);
		return;
	}
	report_all(d, e, rcpts, n, CAUSE_LOCAL, "a route of unknown kind");
}

/* There it is client/fit's to see that time is up: something may have been said of the message already. */
static bool
over_a_link(const struct route *route)
{
	return route->via == VIA_MX || route->via == VIA_SMTP || route->via == VIA_LMTP;
}

void
deliver(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	const struct deadline deadline = deadline_of(e);

	d->begun_us = clock_us();
	d->times = (struct outcome_times){ 0 };
	d->undelivered = false;
	d->leaves = n == e->nrcpts;
	d->held = (struct buf)BUF(d->held_space);
	transcript_begin(d->transcript);
	if (!over_a_link(d->route) && deadline_ends(&deadline, clock_wall_s()))
		report_all(d, e, rcpts, n, CAUSE_DEADLINE, DEADLINE_TEXT);
	else
		by_route(d, e, rcpts, n);
	/* Of what leaves the queue now, the log leaves with it. */
	if (d->undelivered || !d->leaves)
		(void)transcript_write(d->transcript, e);
}

void
delivery_done(struct delivery *d)
{
	deliver_drop_link(d);
	tls_client_done(&d->tls);
}
