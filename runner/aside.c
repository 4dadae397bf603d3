// SPDX-License-Identifier: ISC
/*
 * The message may kill what reads it, so a process of its own writes the notice.  If that dies too,
 * nobody is notified, the log has a line about it, and it is not tried again.
 */
#include "runner/aside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "notice/give_up.h"
#include "queue/aside.h"
#include "queue/operator.h"
#include "queue/reading.h"
#include "runner/runner.h"
#include "runner/schedule.h"
#include "runner/writer.h"

/* Kills from outside, in a row, while the same message was read.  By chance that does not happen.
 * A process that takes all memory is killed from outside, too. */
#define KILLS_MAX 5

struct notice {
	const struct runner *r;
	const char *id;
};

static void
write_notice(const void *ctx, struct written *ret)
{
	struct buf to = { .p = ret->to, .cap = sizeof ret->to - 1 };
	const struct notice *n = ctx;

	ret->error = give_up_aside(n->r->queue, n->r->config, n->id, ret->notice, &to);
}

static void
settle_notice(struct runner *r, const char *id, const char *text)
{
	const int error = queue_aside_settled(r->queue, id, text);

	if (error < 0)
		report_trouble(&r->reports, "cannot write dead/why", id, error);
}

static int
notify_one(void *ctx, const char *id)
{
	static const char no_notice[] = "its sender gets no notice";
	struct runner *r = ctx;
	struct written result = { 0 };
	char text[100];
	int died = writer_run(r, WRITER_DEAD, write_notice, &(struct notice){ r, id }, &result);

	if (died > 0) {
		report_trouble(&r->reports, "no notice to the sender: the process that read the "
		    "message died", id, died);
		(void)snprintf(text, sizeof text, "%s: the process that read it was killed by "
		    "signal %d", no_notice, died);
		settle_notice(r, id, text);
	} else if (died < 0 || (result.error < 0 && result.error != -EBADMSG)) {
		report_trouble(&r->reports, "cannot queue a notice, will try again", id,
		    died < 0 ? died : result.error);
	} else if (result.error == -EBADMSG || !result.notice[0]) {
		(void)snprintf(text, sizeof text, "%s: %s", no_notice,
		    result.error < 0 ? "it is no whole message" : "none is wanted");
		settle_notice(r, id, text);
	} else {
		r->wrote = true;
		report_notice(&r->reports, id, NOTICE_FAILED, result.notice,
		    slice_str(result.to));
		(void)snprintf(text, sizeof text, "its sender gets the notice %s", result.notice);
		settle_notice(r, id, text);
	}
	return 0;
}

void
aside_notify(struct runner *r)
{
	const int64_t before_s = clock_wall_s() - (int64_t)r->config->queue.lifetime_s;
	const int error = queue_each_aside(r->queue, before_s, notify_one, r);

	if (error < 0)
		report_trouble(&r->reports, "cannot read dead/why", "", error);
}

void
aside_begin(struct runner *r)
{
	const unsigned places = QUEUE_ANYWHERE & ~QUEUE_BIT(QUEUE_IN_DEAD);
	struct queue_reading_left left;
	struct queue_spot spot;
	char text[120];
	int error;

	if (!queue_reading_open(r->queue, &left) || (!left.signo && left.killed < KILLS_MAX) ||
	    queue_find(r->queue, left.id, places, &spot) < 0)
		return;
	if (left.signo)
		(void)snprintf(text, sizeof text, "smtp-relay was killed by signal %d (%s)",
		    left.signo, strsignal(left.signo));
	else
		(void)snprintf(text, sizeof text,
		    "smtp-relay was killed from outside %u times in a row", left.killed);
	error = queue_death(r->queue, left.id, text);
	if (error >= 0)
		error = queue_put_aside(r->queue, spot.folder, left.id);
	queue_spot_done(&spot);
	(void)queue_unask(r->queue, left.id, QUEUE_UNDONE);
	report_trouble(&r->reports, "the last smtp-relay died while it read a message", left.id,
	    left.signo);
	report_message(&r->reports, left.id, error < 0 ? REPORT_STUCK : REPORT_ASIDE, 0, error);
}

void
aside_postpone(struct runner *r, const char *id, int signo)
{
	const int64_t now_s = clock_wall_s();
	struct queue_entry e = { .fd = -1 };
	int64_t due_s = 0;
	char text[100];
	int error;

	report_trouble(&r->reports, "a process was killed by a signal while it read a message", id,
	    signo);
	(void)snprintf(text, sizeof text, "the process that reads messages was killed by signal %d "
	    "(%s)", signo, strsignal(signo));
	r->deaths = true;
	error = queue_death(r->queue, id, text);
	if (error >= QUEUE_DEATHS_MAX) {
		error = queue_put_aside(r->queue, r->queue->cur, id);
		report_message(&r->reports, id, error < 0 ? REPORT_STUCK : REPORT_ASIDE, 0, error);
		return;
	}
	memcpy(e.id, id, sizeof e.id);
	due_s = schedule_retry_s(r->config, error > 0 ? (unsigned)error - 1 : 0, now_s);
	error = queue_postpone(r->queue, &e, due_s);
	report_message(&r->reports, id, error < 0 ? REPORT_STUCK : REPORT_DEFERRED, due_s, error);
}
