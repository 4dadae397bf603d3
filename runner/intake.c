// SPDX-License-Identifier: ISC
/*
 * Takes messages out of the queue's folders, in the one order that is safe, and says in the log what went wrong
 * with that.  However many there are, nothing is looked at twice, and nothing else waits for more than a moment.  Called by
 * relay.c; must not wait for anything.
 */
#include "runner/intake.h"

#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/by_host.h"
#include "runner/internal.h"
#include "runner/report.h"

/* Of new/ everything leaves, by rename: a path unit that sees it filled would start us for ever.  What finds no room stays
 * in cur/ for later. */
static bool
add_new(void *ctx, const char *id)
{
	struct intake *i = ctx;

	if (runner_room(i->runner, true))
		runner_add(i->runner, id);
	else
		i->look_cur = true;
	return clock_us() < i->end_us;
}

static bool
add_old(void *ctx, const char *id)
{
	struct intake *i = ctx;

	runner_add(i->runner, id);
	return runner_room(i->runner, false) && clock_us() < i->end_us;
}

static void
complain(int error, const char *what)
{
	if (error < 0)
		report_trouble(NULL, what, "", error);
}

/* A walk that begins sees what was there when it was asked for. */
static bool
wanted(const struct queue_walk *w, bool *look)
{
	if (w->names)
		return true;
	if (!*look)
		return false;
	*look = false;
	return true;
}

static void
take_new(struct intake *i)
{
	const bool begins = !i->new_walk.names;
	int n;

	if (!wanted(&i->new_walk, &i->look_new))
		return;
	n = queue_walk_new(i->runner->queue, &i->new_walk, add_new, i);
	i->new_stays = n < 0 || (i->new_stays && !begins);
	complain(n, "cannot take messages from new/");
}

static void
take_due(struct intake *i)
{
	const bool begins = !i->wait_walk.names;

	if (!wanted(&i->wait_walk, &i->look_wait))
		return;
	if (begins)
		i->now_s = runner_now_s();
	complain(queue_walk_due(i->runner->queue, &i->wait_walk, i->now_s, add_old, i), "cannot take messages from wait/");
}

static bool
any_new(const struct intake *i)
{
	return i->look_new || i->new_walk.names;
}

bool
intake_ready(const struct intake *i)
{
	return !i->runner->stopping && (any_new(i) || (!intake_over(i) && runner_room(i->runner, false)));
}

void
intake_turn(struct intake *i)
{
	const struct queue *q = i->runner->queue;

	if (i->look_new && queue_hosts_forgiven(q))
		runner_revive(i->runner);
	i->end_us = clock_us() + RUNNER_SLICE_US;
	take_new(i);
	if (!runner_room(i->runner, false))
		return;
	i->end_us = clock_us() + RUNNER_SLICE_US;
	if (wanted(&i->cur_walk, &i->look_cur))
		complain(queue_walk_cur(q, &i->cur_walk, add_old, i), "cannot read cur/");
	else
		take_due(i);
}

bool
intake_over(const struct intake *i)
{
	return !i->look_new && !i->look_cur && !i->look_wait && !i->new_walk.names && !i->cur_walk.names && !i->wait_walk.names;
}

void
intake_done(struct intake *i)
{
	queue_walk_end(&i->new_walk);
	queue_walk_end(&i->cur_walk);
	queue_walk_end(&i->wait_walk);
}

void
intake_recover(const struct queue *q)
{
	int recovered = queue_recover(q);

	if (recovered > 0)
		log_text(LOG_LEVEL_NOTICE, "brought back %d complete messages from tmp/", recovered);
	else
		complain(recovered, "cannot look through tmp/");
}

void
intake_flush(const struct queue *q)
{
	complain(queue_flush(q), "cannot make all of wait/ due");
}

int
intake_hand_over(const struct queue *q)
{
	int n;

	frozen_forget(q->state);
	n = queue_flush(q);
	complain(n, "cannot make all of wait/ due");
	if (n < 0)
		return EX_TEMPFAIL;
	log_text(LOG_LEVEL_NOTICE, "deferred mail is due now; the smtp-relay that is at work sees to it");
	return EX_OK;
}
