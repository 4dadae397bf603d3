// SPDX-License-Identifier: ISC
/*
 * What an operator asks of a runner that lives (smtp-queue hold, delete, fail): messages in cur/ are this process's, so
 * nobody else may touch them.  One that only waits in line is taken out of it and done with at once; one that a worker
 * has in hand is done with in settle.c.  Called by relay.c when a request appears.
 */
#include "runner/internal.h"

#include <errno.h>

#include "notice/give_up.h"

static int
give_up_spot(struct runner *r, const struct queue_spot *spot)
{
	char bounce[QUEUE_ID_SIZE];
	struct queue_entry e;
	int error = queue_look(spot, &e);

	if (error == 0) {
		error = give_up_message(r->queue, r->config, spot, bounce);
		if (error == 0 && bounce[0])
			r->hooks->notified(r->ctx, e.id, NOTICE_FAILED, bounce, e.from);
		queue_unload(&e);
	}
	return error;
}

/* The message is in nobody's hands.  It may also have left cur/ just before the request was seen. */
static bool
act(struct runner *r, const char *id, enum queue_request request)
{
	static const enum runner_end ends[] = {
		[QUEUE_ASK_HOLD] = RUNNER_HELD, [QUEUE_ASK_DELETE] = RUNNER_DELETED, [QUEUE_ASK_FAIL] = RUNNER_GIVEN_UP,
	};
	const unsigned places = QUEUE_BIT(QUEUE_IN_NEW) | QUEUE_BIT(QUEUE_IN_CUR) | QUEUE_BIT(QUEUE_IN_WAIT);
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
	r->hooks->message(r->ctx, id, error < 0 ? RUNNER_STUCK : ends[request], 0, error);
	return error == 0;
}

static int
one(void *ctx, const char *id, enum queue_request request)
{
	struct runner *r = ctx;
	struct message *m = message_find(r, id);
	bool done;

	if (m && m->asked)		/* heard already: nothing of it is in line any more */
		return 0;
	if (m) {
		destinations_withdraw(r, m);
		m->asked = m->jobs > 0;
		if (m->asked)
			return 0;
		message_forget(r, m);
	}
	done = act(r, id, request);
	(void)queue_unask(r->queue, id, done ? (int)request : QUEUE_UNDONE);	/* behind the act: who waits for that sees it done */
	return 0;
}

void
runner_requests(struct runner *r)
{
	int error = queue_requests(r->queue, one, r);

	if (error < 0)
		r->hooks->trouble(r->ctx, "cannot read state/requests", "", error);
}
