// SPDX-License-Identifier: ISC
/*
 * The end of a run for one message: every recipient is delivered, deferred or
 * failed.  Tells the sender of failures, and once of a delay, then lets the file go: out of the queue, back to
 * wait/, or to dead/.  A message leaves only when each recipient is delivered or its failure
 * is durably on its way to the sender.
 */
#include "runner/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "delivery/bounce.h"
#include "delivery/delivery.h"
#include "runner/hold.h"

#define SHARE_S 60		/* messages of one minute wait in one folder */

int64_t
runner_now_s(void)
{
	return clock_wall_us() / 1000000;
}

/* A time that others are due at, too: up to a minute late, and less after a short delay. */
static int64_t
shared_due_s(int64_t now_s, int64_t delay_s)
{
	int64_t step_s = delay_s < 4 * SHARE_S ? 1 + delay_s / 4 : SHARE_S;

	return (now_s + delay_s + step_s - 1) / step_s * step_s;
}

/* retry-min, doubled with each attempt up to retry-max, a tenth more or less so that
 * what failed together does not come back together (RFC 5321 section 4.5.4.1). */
static int64_t
retry_due_s(const struct config *c, unsigned attempts, int64_t now_s)
{
	uint64_t delay_s = c->queue.retry_min_s, jitter = 0;

	for (unsigned i = 0; i < attempts && delay_s < c->queue.retry_max_s; i++)
		delay_s *= 2;
	if (delay_s > c->queue.retry_max_s)
		delay_s = c->queue.retry_max_s;
	(void)!getrandom(&jitter, sizeof jitter, 0);
	delay_s += delay_s / 10;
	delay_s -= jitter % (delay_s / 5 + 1);
	return shared_due_s(now_s, (int64_t)delay_s);
}

/* Has the message waited for so long, not counting the time that its sender had it held? */
static bool
waited(const struct queue_entry *e, uint64_t seconds)
{
	return clock_wall_us() - hold_until(e) * 1000000 >= (int64_t)seconds * 1000000;
}

/* The last attempt's words become the bounce's: "gave up after 5d: connection refused". */
static void
expire(const struct runner *r, struct outcome *o)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);
	struct outcome last = *o;
	const uint64_t lifetime_s = r->config->queue.lifetime_s;
	bool in_hours = lifetime_s >= 3600;

	buf_fmt(&b, "gave up after %lld %s in the queue; the last attempt said: %.*s",
	    (long long)(in_hours ? lifetime_s / 3600 : lifetime_s), in_hours ? "hours" : "seconds",
	    (int)(sizeof space - 100), last.detail);
	outcome_set(o, CAUSE_EXPIRED, slice_str(last.host), buf_slice(&b));
}

struct tally {
	size_t deferred;
	struct bounce_rcpt *failed;	/* to be told of */
	size_t nfailed;
	size_t silent;			/* failed, and nobody to tell */
	struct bounce_rcpt *delayed;	/* deferred, and their sender wants to hear of delays */
	size_t ndelayed;
};

static void
fail_silently(struct runner *r, struct queue_entry *e, uint32_t rcpt, struct tally *t)
{
	int error = queue_mark(e, rcpt, QUEUE_FAILED);

	if (error < 0)
		r->hooks->trouble(r->ctx, "cannot mark a recipient", e->id, error);
	t->silent++;
}

static void
sort_out(struct runner *r, struct queue_entry *e, uint32_t rcpt, const struct outcome *o, struct tally *t)
{
	if (o->kind == OUTCOME_DEFERRED) {
		t->deferred++;
		if (bounce_wanted(e, rcpt, BOUNCE_DELAYED))
			t->delayed[t->ndelayed++] = (struct bounce_rcpt){ rcpt, o };
	} else if (bounce_wanted(e, rcpt, BOUNCE_FAILED)) {
		t->failed[t->nfailed++] = (struct bounce_rcpt){ rcpt, o };
	} else {
		fail_silently(r, e, rcpt, t);
	}
}

static void
count(struct runner *r, struct message *m, struct queue_entry *e, struct tally *t)
{
	bool too_old = waited(e, r->config->queue.lifetime_s);

	for (uint32_t i = 0; i < e->nrcpts && i < m->nrcpts; i++) {
		struct result *result = m->results[i];

		if (!result) {		/* no memory even for saying so */
			t->deferred++;
			continue;
		}
		if (result == &result_delivered)
			continue;
		if (!result->noted)
			delivery_note(e, i, &result->outcome);
		if (result->outcome.kind == OUTCOME_DEFERRED && too_old) {
			expire(r, &result->outcome);
			delivery_note(e, i, &result->outcome);
		}
		r->hooks->rcpt(r->ctx, e->id, e->rcpts[i].path, &result->outcome,
		    clock_wall_us() - e->arrived_us);
		sort_out(r, e, i, &result->outcome, t);
	}
}

/* A failure is marked only once its bounce is durable: a crash in between repeats the bounce, it never loses it. */
static void
bounce(struct runner *r, struct queue_entry *e, struct tally *t)
{
	const struct bounce_news news = { BOUNCE_FAILED, t->failed, t->nfailed, runner_now_s(), 0 };
	char id[QUEUE_ID_SIZE];
	int error;

	if (t->nfailed == 0)
		return;
	error = bounce_send(r->queue, r->config, e, &news, id);
	if (error < 0) {
		r->hooks->trouble(r->ctx, "cannot queue a bounce, will try again", e->id, error);
		t->deferred += t->nfailed;
		return;
	}
	r->hooks->bounced(r->ctx, e->id, id, e->from);
	for (size_t i = 0; i < t->nfailed; i++) {
		error = queue_mark(e, t->failed[i].rcpt, QUEUE_FAILED);
		if (error < 0)
			r->hooks->trouble(r->ctx, "cannot mark a recipient", e->id, error);
	}
}

/* Once, with the first attempt that fails after warn-after.  The notice before the mark: a crash in between repeats it. */
static void
warn(struct runner *r, struct queue_entry *e, const struct tally *t)
{
	const uint64_t after_s = r->config->queue.warn_after_s;
	const struct bounce_news news = {
		BOUNCE_DELAYED, t->delayed, t->ndelayed, runner_now_s(), hold_until(e) + (int64_t)r->config->queue.lifetime_s,
	};
	char id[QUEUE_ID_SIZE];
	int error;

	if (e->warned || t->ndelayed == 0 || after_s == 0 || !waited(e, after_s))
		return;
	error = bounce_send(r->queue, r->config, e, &news, id);
	if (error < 0) {
		r->hooks->trouble(r->ctx, "cannot queue a notice of delay, will try again", e->id, error);
		return;
	}
	r->hooks->warned(r->ctx, e->id, id, e->from);
	error = queue_mark_warned(e);
	if (error < 0)
		r->hooks->trouble(r->ctx, "cannot mark a message", e->id, error);
}

static bool
any_failed(const struct queue_entry *e)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].state == QUEUE_FAILED)
			return true;
	return false;
}

/* Where the file goes. */
static void
let_go(struct runner *r, struct queue_entry *e, const struct tally *t)
{
	enum runner_end end = RUNNER_FINISHED;
	int64_t due_s = 0;
	int error;

	if (t->deferred) {
		end = RUNNER_DEFERRED;
		due_s = retry_due_s(r->config, e->attempts, runner_now_s());
		error = queue_defer(r->queue, e, due_s);
	} else if (e->from.n == 0 && any_failed(e)) {
		end = RUNNER_DEAD;	/* a bounce that cannot be delivered: the postmaster's to look at */
		error = queue_bury(r->queue, e->id);
	} else {
		error = queue_finish(r->queue, e->id);
	}
	r->hooks->message(r->ctx, e->id, error < 0 ? RUNNER_STUCK : end, due_s, error);
}

static bool
all_delivered(const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->results[i] != &result_delivered)
			return false;
	return true;
}

void
settle(struct runner *r, struct message *m)
{
	struct queue_entry e;
	struct tally t = { 0 };
	int error;

	error = queue_load(r->queue, m->id, &e);
	if (error < 0) {
		r->hooks->message(r->ctx, m->id, RUNNER_STUCK, 0, error);
		return;
	}
	t.failed = calloc(m->nrcpts ? 2 * m->nrcpts : 1, sizeof *t.failed);
	if (!t.failed) {
		t.deferred = m->nrcpts;
	} else if (!all_delivered(m)) {
		t.delayed = t.failed + m->nrcpts;
		count(r, m, &e, &t);
		bounce(r, &e, &t);
		warn(r, &e, &t);
	}
	let_go(r, &e, &t);
	free(t.failed);
	queue_unload(&e);
}
