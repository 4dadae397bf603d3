// SPDX-License-Identifier: ISC
/*
 * Takes messages out of the queue's folders, in the one order that is safe, and says in the log what went wrong
 * with that.  Called by relay.c; must not wait for anything.
 */
#include "runner/intake.h"

#include <sysexits.h>

#include "base/log.h"
#include "runner/internal.h"
#include "runner/report.h"

static bool
add_message(void *ctx, const char *id)
{
	return runner_add(ctx, id);
}

void
intake_recover(const struct queue *q)
{
	int recovered = queue_recover(q);

	if (recovered > 0)
		log_text(LOG_LEVEL_NOTICE, "brought back %d complete messages from tmp/", recovered);
	else if (recovered < 0)
		report_trouble(NULL, "cannot look through tmp/", "", recovered);
}

void
intake_due(struct runner *r, bool everything)
{
	/* Empty new/ first, by rename: a path unit that sees it filled would start us for ever. */
	int error = queue_take_new(r->queue, add_message, r);

	if (error < 0)
		report_trouble(NULL, "cannot take messages from new/", "", error);
	error = queue_take_due(r->queue, runner_now_s(), everything, add_message, r);
	if (error < 0)
		report_trouble(NULL, "cannot take messages from wait/", "", error);
}

void
intake_rest(struct runner *r)
{
	int error;

	r->more = false;
	error = queue_each(r->queue, add_message, r);
	if (error < 0)
		report_trouble(NULL, "cannot read cur/", "", error);
}

int
intake_hand_over(const struct queue *q)
{
	int n;

	frozen_forget(q->state);
	n = queue_flush(q);
	if (n < 0) {
		report_trouble(NULL, "cannot take messages from wait/", "", n);
		return EX_TEMPFAIL;
	}
	log_text(LOG_LEVEL_NOTICE, "%d deferred messages are due now; the smtp-relay that is at work sees to them", n);
	return EX_OK;
}
