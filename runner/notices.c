// SPDX-License-Identifier: ISC
/*
 * Each notice is durable before its recipients are marked.  A crash in between repeats the notice,
 * and never loses it.
 */
#include "runner/notices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/aside.h"
#include "runner/runner.h"
#include "runner/sheet.h"
#include "runner/writer.h"

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

struct letter {
	const struct runner *r;
	const char *id;			/* of the message that it is about */
	const struct bounce_news *news;
};

static void
write_letter(const void *ctx, struct written *ret)
{
	const struct letter *l = ctx;
	struct queue_entry e;

	ret->error = queue_load(l->r->queue, l->id, &e);
	if (ret->error < 0)
		return;
	ret->error = bounce_send(l->r->queue, l->r->config, &e, l->news, ret->notice);
	queue_unload(&e);
}

/* Counts the death of a process that wrote a notice. */
static void
note_death(struct runner *r, const char *id, int signo, int *ret_deaths)
{
	char text[100];
	int deaths;

	(void)snprintf(text, sizeof text, "the process that writes notices was killed by signal %d "
	    "(%s)", signo, strsignal(signo));
	r->deaths = true;
	deaths = queue_death(r->queue, id, text);
	if (deaths < 0)
		report_trouble(&r->reports, "cannot count a death in state/deaths", id, deaths);
	else
		*ret_deaths = deaths;
}

/* Queues one notice.  False if that failed. */
static bool
send_one(struct runner *r, struct sheet *s, const struct bounce_news *news, int *ret_deaths)
{
	const struct letter letter = { r, s->e.id, news };
	struct written written;
	int error = writer_run(r, WRITER_CUR, write_letter, &letter, &written);

	if (error == 0)
		error = written.error;
	if (error == 0 && !written.notice[0])
		error = -EPROTO;
	if (error > 0)
		note_death(r, s->e.id, error, ret_deaths);
	if (error) {
		report_trouble(&r->reports, kinds[news->action].trouble, s->e.id, error);
		return false;
	}
	r->wrote = true;
	report_notice(&r->reports, s->e.id, news->action, written.notice, s->e.from);
	mark_reported(r, &s->e, &kinds[news->action], news);
	return true;
}

size_t
notices_send(struct runner *r, struct sheet *s, const struct notices *n, int *ret_deaths)
{
	const int64_t retry_until_s = s->release_s + (int64_t)r->config->queue.lifetime_s;
	size_t left = 0;

	for (size_t i = 0; i < NOTICE_KINDS; i++) {
		const struct bounce_news news = {
			(enum notice_kind)i,
			n->of[i].rcpts,
			n->of[i].n,
			clock_wall_s(),
			retry_until_s,
		};

		if (news.n && !send_one(r, s, &news, ret_deaths) && kinds[i].must)
			left += news.n;
	}
	return left;
}
