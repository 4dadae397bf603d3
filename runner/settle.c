// SPDX-License-Identifier: ISC
/*
 * The end of a run for one message: every recipient is delivered, deferred or
 * failed.  Decides what its sender is to be told, has it told, then lets the file go: out of the queue, back to
 * wait/, or to dead/.  A message leaves only when each recipient is delivered or its failure
 * is durably on its way to the sender.
 */
#include "runner/internal.h"

#include "base/clock.h"
#include "attempt/deadline.h"
#include "delivery/delivery.h"
#include "notice/give_up.h"
#include "runner/schedule.h"
#include "runner/notices.h"

#define SKEW_S 60		/* between our clock and that of a handler */
#define FAR_S  (60 * 86400)	/* as much more than a lifetime nobody keeps a host from running */

int64_t
runner_now_s(void)
{
	return clock_wall_s();
}

/* How long has the message waited, not counting the time that its sender had it held? */
static int64_t
age_s(const struct queue_entry *e)
{
	return runner_now_s() - hold_until(e);
}

static bool
waited(const struct queue_entry *e, uint64_t seconds)
{
	return age_s(e) >= (int64_t)seconds;
}

/* How the message stands. */
struct tally {
	size_t deferred;
	size_t frozen;			/* of these: only because we cannot log in */
	int64_t thaw_s;			/* when that is tried again, for the first of them */
	struct deadline deadline;	/* the sender's own */
	bool too_old;			/* longer in the queue than its lifetime */
	bool gives_back;		/* or than its sender wants */
	bool late;			/* its sender is to hear that it is not delivered yet */
	bool overdue;			/* as it has asked to at this time (RFC 2852) */
	bool asked, gave_up;		/* by the operator, while a worker had it: */
	enum queue_request request;
	struct result given_up;
	struct notices notices;
};

/*
 * Longer than its lifetime?  An age of many weeks more, or that of a message of the future, was made by a clock that was wrong when
 * it came, or is now: it says nothing, and the message is given up after as many attempts as a lifetime has at least.
 */
static bool
too_old(const struct runner *r, const struct queue_entry *e)
{
	const uint64_t lifetime_s = r->config->queue.lifetime_s, retry_max_s = r->config->queue.retry_max_s;

	if (age_s(e) >= -SKEW_S && !waited(e, lifetime_s + FAR_S))
		return waited(e, lifetime_s);
	return e->attempts >= lifetime_s / (retry_max_s ? retry_max_s : 1);
}

/* The last attempt's words become the bounce's: "gave up after 5d: connection refused". */
static void
expire(const struct runner *r, const struct tally *t, struct outcome *o)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);
	struct outcome last = *o;
	const uint64_t lifetime_s = r->config->queue.lifetime_s;
	bool in_hours = lifetime_s >= 3600;

	if (t->gives_back) {
		deadline_outcome(o, slice_str(last.host), slice_str(outcome_told(&last)));
		return;
	}
	buf_fmt(&b, "gave up after %lld %s in the queue; the last attempt said: %.*s",
	    (long long)(in_hours ? lifetime_s / 3600 : lifetime_s), in_hours ? "hours" : "seconds",
	    (int)(sizeof space - 100), outcome_told(&last));
	outcome_set(o, CAUSE_EXPIRED, slice_str(last.host), buf_slice(&b));
}

static void
fail_silently(struct runner *r, struct queue_entry *e, uint32_t rcpt)
{
	int error = queue_mark(e, rcpt, QUEUE_FAILED);

	if (error < 0)
		r->hooks->trouble(r->ctx, "cannot mark a recipient", e->id, error);
}

static void
sort_out(struct runner *r, struct queue_entry *e, uint32_t rcpt, const struct outcome *o, struct tally *t)
{
	if (o->kind == OUTCOME_DELIVERED) {
		notices_add(&t->notices, owed_success(o), rcpt, o);
	} else if (o->kind == OUTCOME_DEFERRED) {
		t->deferred++;
		if (t->late && owed_wanted(e, rcpt, NOTICE_DELAYED))
			notices_add(&t->notices, NOTICE_DELAYED, rcpt, o);
	} else if (owed_wanted(e, rcpt, NOTICE_FAILED)) {
		notices_add(&t->notices, NOTICE_FAILED, rcpt, o);
	} else {
		fail_silently(r, e, rcpt);
	}
}

/* A login that is refused is the operator's to mend: the message waits for that, however long, and its turn comes with the
 * next attempt to log in. */
static void
note_frozen(struct runner *r, const struct queue_entry *e, uint32_t rcpt, struct tally *t)
{
	const int64_t until_s = freeze_until(r, e, rcpt);

	if (until_s == 0)
		return;
	t->frozen++;
	if (t->thaw_s == 0 || until_s < t->thaw_s)
		t->thaw_s = until_s;
}

static void
settle_rcpt(struct runner *r, struct queue_entry *e, uint32_t rcpt, struct result *result, struct tally *t)
{
	struct outcome *o = &result->outcome;

	if (o->kind != OUTCOME_DELIVERED) {	/* what was delivered is in the logs already */
		if (!result->noted)
			attempt_note(e, rcpt, o);
		if (o->cause == CAUSE_LOGIN && !t->gives_back) {
			note_frozen(r, e, rcpt, t);
		} else if (o->kind == OUTCOME_DEFERRED && (t->too_old || t->gives_back)) {
			expire(r, t, o);
			attempt_note(e, rcpt, o);
		}
		r->hooks->rcpt(r->ctx, e->id, e->rcpts[rcpt].path, o, clock_wall_us() - e->arrived_us);
	}
	if (o->kind == OUTCOME_DEFERRED && t->overdue)
		(void)snprintf(o->status, sizeof o->status, "4.4.7");	/* what the notice is about, whatever the attempt met */
	sort_out(r, e, rcpt, o, t);
}

/* Where the operator has given the message up, that is the end of those without a result, too. */
static struct result *
result_of(const struct message *m, uint32_t rcpt, struct tally *t)
{
	struct result *result = m->results[rcpt];

	if (!t->asked || t->request != QUEUE_ASK_FAIL || (result && result->outcome.kind != OUTCOME_DEFERRED))
		return result;
	t->gave_up = true;
	return &t->given_up;
}

static void
take_stock(const struct runner *r, const struct queue_entry *e, struct tally *t)
{
	const uint64_t warn_after_s = r->config->queue.warn_after_s;
	const bool over = deadline_over(&t->deadline, runner_now_s());

	t->too_old = too_old(r, e);
	t->gives_back = over && t->deadline.give_back;
	t->overdue = over && !t->deadline.told;
	t->late = !t->asked && !e->warned && (t->overdue || (warn_after_s && waited(e, warn_after_s)));
}

static void
settle_rcpts(struct runner *r, struct message *m, struct queue_entry *e, struct tally *t)
{
	take_stock(r, e, t);
	for (uint32_t i = 0; i < e->nrcpts && i < m->nrcpts; i++) {
		struct result *result = result_of(m, i, t);

		/* A worker that was killed may have marked more than it could tell of. */
		if (e->rcpts[i].state != QUEUE_PENDING && !(result && result->outcome.kind == OUTCOME_DELIVERED))
			result = result_of_state(e->rcpts[i].state);
		if (!result)		/* no memory even for saying so */
			t->deferred++;
		else if (result != &result_delivered)
			settle_rcpt(r, e, i, result, t);
	}
}

static bool
any_failed(const struct queue_entry *e)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].state == QUEUE_FAILED)
			return true;
	return false;
}

/* The operator's word on a message that would wait now.  As the runner does with those that nobody has in hand. */
static int
let_go_as_asked(struct runner *r, const struct queue_entry *e, enum queue_request request, enum runner_end *ret_end)
{
	struct queue_spot spot = { .place = QUEUE_IN_CUR, .folder = r->queue->cur };

	memcpy(spot.id, e->id, sizeof spot.id);
	*ret_end = request == QUEUE_ASK_HOLD ? RUNNER_HELD : RUNNER_DELETED;
	return request == QUEUE_ASK_HOLD ? queue_hold(r->queue, &spot) : queue_remove(r->queue, &spot);
}

/* Neither the sender's deadline nor the moment when we may log in again is slept through. */
static int64_t
due(const struct config *c, const struct queue_entry *e, const struct tally *t)
{
	const int64_t now_s = runner_now_s();
	int64_t due_s = retry_due_s(c, e->attempts, now_s);

	if (t->frozen && (t->frozen == t->deferred || t->thaw_s < due_s))
		due_s = t->thaw_s;
	if (t->deadline.set && t->deadline.at_s > now_s && t->deadline.at_s < due_s)
		due_s = t->deadline.at_s;
	return due_s;
}

/* Where the file goes. */
static void
let_go(struct runner *r, const struct message *m, struct queue_entry *e, const struct tally *t)
{
	enum runner_end end = RUNNER_FINISHED;
	int64_t due_s = 0;
	int error;

	if (t->deferred && t->asked && t->request != QUEUE_ASK_FAIL) {
		error = let_go_as_asked(r, e, t->request, &end);
	} else if (t->deferred) {
		end = RUNNER_DEFERRED;
		due_s = due(r->config, e, t);
		error = queue_defer(r->queue, e, due_s);
		if (error == 0)
			absent_list(r, m, due_s);
	} else if (e->from.n == 0 && any_failed(e)) {
		end = RUNNER_DEAD;	/* a bounce that cannot be delivered: the postmaster's to look at */
		error = queue_bury(r->queue, e->id);
	} else {
		error = queue_finish(r->queue, e->id);
	}
	r->hooks->message(r->ctx, e->id, error < 0 ? RUNNER_STUCK : end, due_s, error);
}

static bool
nothing_to_say(const struct message *m)
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

	if (nothing_to_say(m) && !m->partly && !m->asked) {	/* what is in the file changes nothing: it is not even opened */
		error = queue_finish(r->queue, m->id);
		r->hooks->message(r->ctx, m->id, error < 0 ? RUNNER_STUCK : RUNNER_FINISHED, 0, error);
		return;
	}
	error = queue_load(r->queue, m->id, &e);
	if (error < 0) {
		r->hooks->message(r->ctx, m->id, RUNNER_STUCK, 0, error);
		return;
	}
	t.deadline = deadline_of(&e);
	t.asked = m->asked && queue_asked(r->queue, m->id, &t.request) == 0;	/* perhaps it was taken back */
	give_up_outcome(&t.given_up.outcome);
	if (nothing_to_say(m)) {
		let_go(r, m, &e, &t);
	} else if (notices_init(&t.notices, m->nrcpts) < 0) {
		t.deferred = m->nrcpts;
		let_go(r, m, &e, &t);
	} else {
		settle_rcpts(r, m, &e, &t);
		t.deferred += notices_send(r, &e, &t.notices);
		let_go(r, m, &e, &t);
		notices_done(&t.notices);
	}
	if (m->asked) {
		bool done = t.asked && (t.request == QUEUE_ASK_FAIL ? t.gave_up && !t.deferred : t.deferred > 0);

		(void)queue_unask(r->queue, m->id, done ? (int)t.request : QUEUE_UNDONE);
	}
	queue_unload(&e);
}
