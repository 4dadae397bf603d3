// SPDX-License-Identifier: ISC
/*
 * A message in cur/ belongs to the runner, so only the runner may act on it.  A message that waits
 * in line is taken out of it and served at once.
 */
#include "runner/requests.h"

#include <errno.h>

#include "notice/give_up.h"
#include "queue/operator.h"
#include "runner/runner.h"
#include "runner/writer.h"

struct giving_up {
	const struct runner *r;
	const struct queue_spot *spot;
};

/* A message that kills what reads it is not moved. */
static void
write_notice(const void *ctx, struct written *ret)
{
	const struct giving_up *g = ctx;
	struct buf to = { .p = ret->to, .cap = sizeof ret->to - 1 };
	struct queue_entry e;

	ret->error = queue_look(g->spot, &e);
	if (ret->error < 0)
		return;
	buf_add(&to, slice_of(e.from.p, e.from.n < to.cap ? e.from.n : to.cap));
	queue_unload(&e);
	ret->error = give_up_message(g->r->queue, g->r->config, g->spot, ret->notice);
}

static int
give_up_spot(struct runner *r, const struct queue_spot *spot)
{
	const struct giving_up g = { r, spot };
	struct written written;
	const int error = writer_run(r, WRITER_ALL, write_notice, &g, &written);

	if (error > 0)
		return -ENOTRECOVERABLE;
	if (error == 0 && written.error == 0 && written.notice[0])
		report_notice(&r->reports, spot->id, NOTICE_FAILED, written.notice,
		    slice_str(written.to));
	return error ? error : written.error;
}

/* Serves a request for a message that is not in the window.  It may have left cur/ just before. */
static bool
act_on(struct runner *r, const char *id, enum queue_request request)
{
	static const enum report_end ends[] = {
		[QUEUE_ASK_HOLD] = REPORT_HELD,
		[QUEUE_ASK_DELETE] = REPORT_DELETED,
		[QUEUE_ASK_FAIL] = REPORT_GIVEN_UP,
	};
	const unsigned places =
	    QUEUE_BIT(QUEUE_IN_NEW) | QUEUE_BIT(QUEUE_IN_CUR) | QUEUE_BIT(QUEUE_IN_WAIT);
	struct queue_spot spot;
	int error = queue_find(r->queue, id, places, &spot);

	if (error == -ENOENT)
		return false;
	if (error == 0) {
		if (request == QUEUE_ASK_HOLD)
			error = queue_hold(r->queue, &spot);
		else if (request == QUEUE_ASK_DELETE)
			error = queue_remove(r->queue, &spot);
		else
			error = give_up_spot(r, &spot);
		queue_spot_done(&spot);
	}
	report_message(&r->reports, id, error < 0 ? REPORT_STUCK : ends[request], 0, error);
	return error == 0;
}

static int
serve_one(void *ctx, const char *id, enum queue_request request)
{
	struct runner *r = ctx;
	struct message *m = window_find(&r->window, id);
	bool done;

	if (m && m->asked)		/* known already: none of its jobs is in line */
		return 0;
	if (m) {
		destination_withdraw(&r->destinations, m);
		turns_withdraw(r, m);
		m->asked = m->jobs > 0;
		if (m->asked)
			return 0;
		window_forget(&r->window, m);
	}
	done = act_on(r, id, request);
	/* The answer comes after the act, for a program that waits for it. */
	(void)queue_unask(r->queue, id, done ? (int)request : QUEUE_UNDONE);
	return 0;
}

void
requests_serve(struct runner *r)
{
	int error = queue_requests(r->queue, serve_one, r);

	if (error < 0)
		report_trouble(&r->reports, "cannot read state/requests", "", error);
}
