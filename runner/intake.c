// SPDX-License-Identifier: ISC
/*
 * Walks through the queue's folders, in the one order that is safe.  However many messages there
 * are, each name is looked at once, and a turn takes only a moment.
 */
#include "runner/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/by_host.h"
#include "runner/admit.h"
#include "runner/runner.h"

/* Everything is renamed out of new/, or the path unit would start us again and again. */
static bool
collect(void *ctx, const char *id)
{
	struct intake *i = ctx;

	if (!window_find(&i->runner->window, id))
		memcpy(i->ids[i->n++], id, sizeof i->ids[0]);
	return i->n < QUEUE_READER_MAX && clock_us() < i->end_us;
}

static int
by_id(const void *a, const void *b)
{
	return memcmp(a, b, QUEUE_ID_LEN);
}

/* Admits the messages that were collected, in the order of their arrival.  A message for which the
 * window has no room stays in cur/. */
static void
admit_all(struct intake *i, bool fresh)
{
	const size_t n = i->n;

	i->n = 0;
	qsort(i->ids, n, sizeof i->ids[0], by_id);
	if (n && !admit_messages(i->runner, i->ids, n, fresh))
		i->look_cur = true;
}

static void
report_error(struct runner *r, int error, const char *what)
{
	if (error >= 0)
		return;
	report_trouble(&r->reports, what, "", error);
	r->reports.stuck = true;
}

/* Should a walk go on or begin?  If it begins, *look becomes false. */
static bool
walk_wanted(const struct queue_walk *w, bool *look)
{
	if (w->names)
		return true;
	if (!*look)
		return false;
	*look = false;
	return true;
}

/* Take some of the new mail.  False if there was none. */
static bool
take_new(struct intake *i)
{
	const bool begins = !i->new_walk.names;
	int n;

	if (!walk_wanted(&i->new_walk, &i->look_new))
		return false;
	n = queue_walk_new(i->runner->queue, &i->new_walk, collect, i);
	admit_all(i, true);
	i->new_stays = n < 0 || (i->new_stays && !begins);
	report_error(i->runner, n, "cannot take an entry of new/ (smtp-queue fsck names it)");
	return n > 0;
}

static void
take_due(struct intake *i)
{
	const bool begins = !i->wait_walk.names;

	if (!walk_wanted(&i->wait_walk, &i->look_wait))
		return;
	if (begins)
		i->now_s = clock_wall_s();
	report_error(i->runner,
	    queue_walk_due(i->runner->queue, &i->wait_walk, i->now_s, collect, i),
	    "cannot take messages from wait/");
	admit_all(i, false);
}

static void
report_tmp(void *ctx, const char *id, int error)
{
	struct runner *r = ctx;
	char what[sizeof "cannot bring back tmp/" + QUEUE_ID_SIZE];

	(void)snprintf(what, sizeof what, "cannot bring back tmp/%s", id);
	report_trouble(&r->reports, what, id, error);
	r->reports.stuck = true;
}

static bool
any_lost(const struct intake *i)
{
	return i->look_tmp || queue_recovering(&i->recovery);
}

/* Bring back complete messages from tmp/ whose handler is gone, as many as a turn allows. */
static void
bring_back(struct intake *i)
{
	int n;

	if (!any_lost(i))
		return;
	if (!queue_recovering(&i->recovery)) {
		i->recovery = (struct queue_recovery){ .failed = report_tmp, .ctx = i->runner };
		i->recovered = 0;
	}
	i->look_tmp = false;
	n = queue_recover(i->runner->queue, &i->recovery, clock_us() + RUNNER_SLICE_US);
	report_error(i->runner, n, "cannot look through tmp/");
	if (n > 0) {
		i->recovered += n;
		i->look_new = true;
	}
	if (i->recovered && !queue_recovering(&i->recovery))
		log_text(LOG_LEVEL_NOTICE, "brought back %d complete messages from tmp/",
		    i->recovered);
}

static bool
any_new(const struct intake *i)
{
	return i->look_new || i->new_walk.names;
}

bool
intake_fresh(const struct intake *i)
{
	return any_new(i);
}

bool
intake_ready(const struct intake *i)
{
	return !i->runner->stopping &&
	    (any_new(i) || any_lost(i) ||
		(!intake_over(i) && window_room(&i->runner->window, false)));
}

void
intake_turn(struct intake *i)
{
	const struct queue *q = i->runner->queue;

	if (i->look_new && queue_hosts_forgiven(q))
		runner_revive(i->runner);
	i->end_us = clock_us() + RUNNER_SLICE_US;
	/* Workers for new mail start before other mail is looked at; the next turn is for that. */
	i->new_only = take_new(i) && !i->new_only;
	if (i->new_only)
		return;
	bring_back(i);
	if (!window_room(&i->runner->window, false))
		return;
	i->end_us = clock_us() + RUNNER_SLICE_US;
	if (walk_wanted(&i->cur_walk, &i->look_cur)) {
		report_error(
		    i->runner, queue_walk_cur(q, &i->cur_walk, collect, i), "cannot read cur/");
		admit_all(i, false);
	} else {
		take_due(i);
	}
}

bool
intake_over(const struct intake *i)
{
	return !any_lost(i) && !any_new(i) && !i->look_cur && !i->look_wait &&
	    !i->cur_walk.names && !i->wait_walk.names;
}

void
intake_done(struct intake *i)
{
	queue_recovery_end(&i->recovery);
	queue_walk_end(&i->new_walk);
	queue_walk_end(&i->cur_walk);
	queue_walk_end(&i->wait_walk);
}

void
intake_flush(struct runner *r)
{
	report_error(r, queue_flush(r->queue), "cannot make all of wait/ due");
}

int
intake_hand_over(struct runner *r)
{
	int n;

	frozen_forget(r->queue->state);
	n = queue_flush(r->queue);
	report_error(r, n, "cannot make all of wait/ due");
	if (n < 0)
		return EX_TEMPFAIL;
	log_text(LOG_LEVEL_NOTICE,
	    "deferred mail is due now; the running smtp-relay delivers it");
	return EX_OK;
}
