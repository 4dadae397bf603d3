// SPDX-License-Identifier: ISC
/*
 * Each notice is durable before its recipients are marked.  A crash in between repeats the notice,
 * and never loses it.
 */
#include "runner/notices.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner/runner.h"
#include "runner/schedule.h"

int
notices_init(struct notices *n, size_t nrcpts)
{
	*n = (struct notices){ 0 };
	n->space = calloc(nrcpts ? nrcpts * NOTICE_KINDS : 1, sizeof *n->space);
	if (!n->space)
		return -ENOMEM;
	for (size_t i = 0; i < NOTICE_KINDS; i++)
		n->of[i].rcpts = n->space + i * nrcpts;
	return 0;
}

void
notices_done(struct notices *n)
{
	free(n->space);
}

void
notices_add(struct notices *n, enum notice_kind action, uint32_t rcpt, const struct outcome *o)
{
	n->of[action].rcpts[n->of[action].n++] = (struct bounce_rcpt){ rcpt, o };
}

static const struct kind {
	/* The state that recipients get after the notice.  QUEUE_PENDING: the message is marked
	 * instead. */
	enum queue_rcpt_state state;
	bool must;			/* the message stays in the queue without it */
	const char *trouble;
} kinds[NOTICE_KINDS] = {
	[NOTICE_FAILED] = { QUEUE_FAILED, true, "cannot queue a bounce, will try again" },
	[NOTICE_DELAYED] = { QUEUE_PENDING, false,
	    "cannot queue a notice of delay, will try again" },
	[NOTICE_DELIVERED] = { QUEUE_DELIVERED, true,
	    "cannot queue a notice of success, will try again" },
	[NOTICE_RELAYED] = { QUEUE_DELIVERED, true,
	    "cannot queue a notice of success, will try again" },
	[NOTICE_EXPANDED] = { QUEUE_DELIVERED, true,
	    "cannot queue a notice of success, will try again" },
};

static void
mark_reported(struct runner *r, struct queue_entry *e, const struct kind *kind,
    const struct bounce_news *news)
{
	int error = 0;

	if (kind->state == QUEUE_PENDING)
		error = queue_mark_warned(e);
	for (size_t i = 0; i < news->n && kind->state != QUEUE_PENDING; i++) {
		int one = queue_mark(e, news->rcpts[i].rcpt, kind->state);

		error = one < 0 ? one : error;
	}
	if (error < 0)
		report_trouble(&r->reports, "cannot mark that the sender got a notice", e->id,
		    error);
}

size_t
notices_send(struct runner *r, struct queue_entry *e, const struct notices *n)
{
	const int64_t retry_until_s = schedule_release_s(e) + (int64_t)r->config->queue.lifetime_s;
	char id[QUEUE_ID_SIZE];
	size_t left = 0;

	for (size_t i = 0; i < NOTICE_KINDS; i++) {
		const struct bounce_news news = {
			(enum notice_kind)i,
			n->of[i].rcpts,
			n->of[i].n,
			clock_wall_s(),
			retry_until_s,
		};
		int error;

		if (news.n == 0)
			continue;
		error = bounce_send(r->queue, r->config, e, &news, id);
		if (error < 0) {
			report_trouble(&r->reports, kinds[i].trouble, e->id, error);
			left += kinds[i].must ? news.n : 0;
			continue;
		}
		r->wrote = true;
		report_notice(&r->reports, e->id, news.action, id, e->from);
		mark_reported(r, e, &kinds[i], &news);
	}
	return left;
}
