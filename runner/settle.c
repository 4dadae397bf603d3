// SPDX-License-Identifier: ISC
/*
 * Decides which notices the sender gets, sends them, and moves the file: out of the queue, to
 * wait/, hold/ or dead/.  A message leaves the queue only if each recipient is delivered to, or if
 * the notice of its failure is durable.
 */
#include "runner/settle.h"

#include <stdlib.h>
#include <string.h>

#include "attempt/deadline.h"
#include "base/clock.h"
#include "notice/give_up.h"
#include "queue/aside.h"
#include "queue/operator.h"
#include "runner/aside.h"
#include "runner/notices.h"
#include "runner/runner.h"
#include "runner/schedule.h"
#include "runner/sheet.h"

#define SKEW_S 60		/* clocks of handler and runner may differ by this much */
#define FIRST_ATTEMPTS 4	/* each message gets them, if its lifetime has room for them */
#define REPORT_LIFETIME_S 86400
#define SOON_S 3600		/* a message beyond its lifetime waits for a rate no longer */
#define FAR_S  (60 * 86400)	/* an age beyond the lifetime by this much shows a wrong clock */

/* Seconds that the message has waited since its release time. */
static int64_t
age_s(const struct sheet *s)
{
	return clock_wall_s() - s->release_s;
}

static bool
has_waited(const struct sheet *s, uint64_t seconds)
{
	return age_s(s) >= (int64_t)seconds;
}

/* The state of a message at the end of a run. */
struct tally {
	size_t deferred;		/* recipients */
	size_t frozen;			/* recipients on a frozen route */
	int64_t thaw_s;			/* when the first of these routes is tried again */
	size_t paced;			/* recipients whose moment has not come */
	bool waits_on;			/* their message may wait */
	uint64_t lifetime_s;		/* of this message */
	bool too_old;			/* longer in the queue than its lifetime */
	bool gives_back;		/* longer than its sender wants */
	bool late;			/* the sender gets a notice of delay */
	bool overdue;			/* the deadline has passed in this hop (RFC 2852) */
	bool asked;			/* an operator filed a request while a worker had it */
	enum queue_request request;
	bool gave_up;			/* by that request */
	struct result given_up;
	struct notices notices;
};

/* A report is tried for a day only: the next one is there then (RFC 8460 section 5.5). */
static uint64_t
lifetime_of(const struct runner *r, const struct queue_entry *e)
{
	const uint64_t lifetime_s = r->config->queue.lifetime_s;

	return e->report && lifetime_s > REPORT_LIFETIME_S ? REPORT_LIFETIME_S : lifetime_s;
}

/* Has the message been longer in the queue than its lifetime?  A negative age comes from a wrong
 * clock, and so does one beyond the lifetime by FAR_S.  Then the attempts are counted instead: the
 * message ends after as many as fit into a lifetime.  At any age a message gets its first attempts:
 * this host may have been off for the whole lifetime. */
static bool
too_old(const struct runner *r, const struct sheet *s)
{
	const uint64_t lifetime_s = lifetime_of(r, &s->e),
		       retry_max_s = r->config->queue.retry_max_s;

	if (s->e.attempts + 1 < schedule_attempts(r->config, FIRST_ATTEMPTS))
		return false;
	if (age_s(s) >= -SKEW_S && !has_waited(s, lifetime_s + FAR_S))
		return has_waited(s, lifetime_s);
	return s->e.attempts >= lifetime_s / (retry_max_s ? retry_max_s : 1);
}

/* The reason in the bounce includes the last one: "gave up after ...: connection refused". */
static void
expire_outcome(const struct tally *t, struct outcome *o)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);
	struct outcome last = *o;
	const uint64_t lifetime_s = t->lifetime_s;
	bool in_hours = lifetime_s >= 3600;

	if (t->gives_back) {
		deadline_outcome(o, slice_str(last.host), slice_str(outcome_public(&last)));
		return;
	}
	buf_fmt(&b, "gave up after %lld %s in the queue; %s: %.*s",
	    (long long)(in_hours ? lifetime_s / 3600 : lifetime_s), in_hours ? "hours" : "seconds",
	    last.cause == CAUSE_RATE ? "it waited" : "the last attempt reported",
	    (int)(sizeof space - 100), outcome_public(&last));
	outcome_set(o, CAUSE_EXPIRED, slice_str(last.host), buf_slice(&b));
}

/* May a message whose moment has not come wait for it?  Its lifetime ends that, too, unless it gets
 * its moment soon.  This host may have been off for the whole lifetime, or a clock was wrong. */
static bool
waits_on(const struct message *m, const struct sheet *s, uint64_t lifetime_s)
{
	return !has_waited(s, lifetime_s) || has_waited(s, lifetime_s + FAR_S) ||
	       m->moment_s < clock_wall_s() + SOON_S;
}

static void
fail_silently(struct runner *r, struct queue_entry *e, uint32_t rcpt)
{
	int error = queue_mark(e, rcpt, QUEUE_FAILED);

	if (error < 0)
		report_trouble(&r->reports, "cannot mark a recipient", e->id, error);
}

static void
sort_out(struct runner *r, struct sheet *s, uint32_t rcpt, const struct outcome *o, struct tally *t)
{
	if (o->kind == OUTCOME_DELIVERED) {
		notices_add(&t->notices, owed_success(o), rcpt, o);
	} else if (o->kind == OUTCOME_DEFERRED) {
		t->deferred++;
		if (t->late && s->rcpts[rcpt].wants_delayed)
			notices_add(&t->notices, NOTICE_DELAYED, rcpt, o);
	} else if (s->rcpts[rcpt].wants_failed) {
		notices_add(&t->notices, NOTICE_FAILED, rcpt, o);
	} else {
		fail_silently(r, &s->e, rcpt);
	}
}

/* Counts a recipient on a frozen route.  Its message does not age, because the operator must repair
 * the login.  It is due when the route is tried again. */
static void
note_frozen(struct runner *r, const struct route *route, struct tally *t)
{
	const struct frozen *f = frozen_now(&r->frozen, route, clock_wall_s());

	if (!f)
		return;
	t->frozen++;
	if (t->thaw_s == 0 || f->until_s < t->thaw_s)
		t->thaw_s = f->until_s;
}

static void
settle_rcpt(struct runner *r, struct sheet *s, uint32_t rcpt, struct result *result,
    struct tally *t)
{
	const struct route *route = s->rcpts[rcpt].route;
	struct outcome *o = &result->outcome;
	struct queue_entry *e = &s->e;

	if (o->kind != OUTCOME_DELIVERED) {	/* a delivery is in the logs already */
		if (!result->noted)
			attempt_note(e, rcpt, o);
		if (o->cause == CAUSE_LOGIN && !t->gives_back) {
			note_frozen(r, route, t);
		} else if (o->cause == CAUSE_RATE && !t->gives_back && t->waits_on) {
			t->paced++;
		} else if (o->kind == OUTCOME_DEFERRED &&
		    (t->too_old || t->gives_back || o->cause == CAUSE_RATE)) {
			expire_outcome(t, o);
			attempt_note(e, rcpt, o);
		}
		report_rcpt(&r->reports, e->id, e->rcpts[rcpt].path, route, o,
		    clock_wall_us() - e->arrived_us);
	}
	if (o->kind == OUTCOME_DEFERRED && t->overdue)
		(void)snprintf(o->status, sizeof o->status, "4.4.7");	/* of the notice */
	sort_out(r, s, rcpt, o, t);
}

/* The result of a recipient.  If the operator gave the message up, a deferred one becomes
 * failed. */
static struct result *
result_of(const struct message *m, uint32_t rcpt, struct tally *t)
{
	struct result *result = m->results[rcpt];

	if (!t->asked || t->request != QUEUE_ASK_FAIL ||
	    (result && result->outcome.kind != OUTCOME_DEFERRED))
		return result;
	t->gave_up = true;
	return &t->given_up;
}

static void
take_stock(const struct runner *r, const struct sheet *s, struct tally *t)
{
	const uint64_t warn_after_s = r->config->queue.warn_after_s;
	const bool over = deadline_over(&s->deadline, clock_wall_s());

	t->lifetime_s = lifetime_of(r, &s->e);
	t->too_old = too_old(r, s);
	t->gives_back = over && s->deadline.give_back;
	t->overdue = over && !s->deadline.noticed;
	t->late = !t->asked && !s->e.warned &&
	    (t->overdue || (warn_after_s && has_waited(s, warn_after_s)));
}

static void
settle_rcpts(struct runner *r, struct message *m, struct sheet *s, struct tally *t)
{
	const struct queue_entry *e = &s->e;

	take_stock(r, s, t);
	t->waits_on = waits_on(m, s, t->lifetime_s);
	for (uint32_t i = 0; i < e->nrcpts && i < m->nrcpts; i++) {
		struct result *result = result_of(m, i, t);

		/* A worker that was killed may have marked a recipient without a report. */
		if (e->rcpts[i].state != QUEUE_PENDING &&
		    !(result && result->outcome.kind == OUTCOME_DELIVERED))
			result = window_result_of_state(e->rcpts[i].state);
		if (!result)		/* no memory for a result */
			t->deferred++;
		else if (result != &window_delivered)
			settle_rcpt(r, s, i, result, t);
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

/* Serves the operator's request for a message that would go to wait/ now. */
static int
let_go_as_asked(struct runner *r, const struct queue_entry *e, enum queue_request request,
    enum report_end *ret_end)
{
	struct queue_spot spot = { .place = QUEUE_IN_CUR, .folder = r->queue->cur };

	memcpy(spot.id, e->id, sizeof spot.id);
	*ret_end = request == QUEUE_ASK_HOLD ? REPORT_HELD : REPORT_DELETED;
	return request == QUEUE_ASK_HOLD ? queue_hold(r->queue, &spot)
					 : queue_remove(r->queue, &spot);
}

/* When the message is due: at the next retry, at the sender's deadline, or when its route is tried
 * again. */
static int64_t
next_due_s(const struct config *c, const struct message *m, const struct sheet *s,
    const struct tally *t)
{
	const struct deadline *d = &s->deadline;
	const int64_t now_s = clock_wall_s();
	int64_t due_s = schedule_retry_s(c, s->e.attempts, now_s);

	if (t->frozen && (t->frozen == t->deferred || t->thaw_s < due_s))
		due_s = t->thaw_s;
	/* For recipients that were tried, a look into a line would be an attempt too early. */
	if (t->paced && (t->paced == t->deferred || (m->turn && m->moment_s < due_s)))
		due_s = m->moment_s;
	if (t->paced && s->release_s + (int64_t)t->lifetime_s > now_s &&
	    s->release_s + (int64_t)t->lifetime_s < due_s)
		due_s = s->release_s + (int64_t)t->lifetime_s;
	if (d->set && d->at_s > now_s && d->at_s < due_s)
		due_s = d->at_s;
	return due_s;
}

/* Lists a waiting message with each host that did not answer. */
static void
list_with_hosts(struct runner *r, const struct message *m, int64_t due_s)
{
	for (unsigned i = 0; i < m->nwaits; i++)
		absent_list(m->waits[i], r->queue, m->id, due_s);
}

/* Removes the file of a message, and what is known of it. */
static int
finish_file(const struct runner *r, const char *id)
{
	const int error = queue_finish(r->queue, id);

	if (error == 0 && r->deaths)
		queue_deaths_forget(r->queue, id);
	return error;
}

/* Moves the file to its next folder. */
static void
let_go(struct runner *r, const struct message *m, struct sheet *s, const struct tally *t)
{
	struct queue_entry *e = &s->e;
	enum report_end end = REPORT_FINISHED;
	int64_t due_s = 0;
	int error;

	if (t->deferred && t->asked && t->request != QUEUE_ASK_FAIL) {
		error = let_go_as_asked(r, e, t->request, &end);
	} else if (t->deferred) {
		end = REPORT_DEFERRED;
		due_s = next_due_s(r->config, m, s, t);
		/* To wait for a moment is no attempt. */
		error = t->paced == t->deferred ? queue_postpone(r->queue, e, due_s)
						: queue_defer(r->queue, e, due_s);
		if (error == 0)
			list_with_hosts(r, m, due_s);
	} else if (e->from.n == 0 && any_failed(e)) {
		end = REPORT_DEAD;	/* a bounce that failed: for the postmaster */
		error = queue_bury(r->queue, e->id);
	} else {
		error = finish_file(r, e->id);
	}
	report_message(&r->reports, e->id, error < 0 ? REPORT_STUCK : end, due_s, error);
}

static bool
all_delivered(const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->results[i] != &window_delivered)
			return false;
	return true;
}

/* A message whose readers die is read no more, unless an operator has a request for it. */
static bool
put_aside(struct runner *r, const struct message *m)
{
	int error;

	if (m->deaths < QUEUE_DEATHS_MAX || m->asked)
		return false;
	error = queue_put_aside(r->queue, r->queue->cur, m->id);
	report_message(&r->reports, m->id, error < 0 ? REPORT_STUCK : REPORT_ASIDE, 0, error);
	return true;
}

static void
finish(struct runner *r, const char *id)
{
	const int error = finish_file(r, id);

	report_message(&r->reports, id, error < 0 ? REPORT_STUCK : REPORT_FINISHED, 0, error);
}

/* Settles an open message. */
static void
settle_sheet(struct runner *r, struct message *m, struct sheet *s)
{
	struct tally t = { 0 };

	t.asked = m->asked && queue_asked(r->queue, m->id, &t.request) == 0;
	give_up_outcome(&t.given_up.outcome);
	if (all_delivered(m)) {
		let_go(r, m, s, &t);
	} else if (notices_init(&t.notices, m->nrcpts) < 0) {
		t.deferred = m->nrcpts;
		let_go(r, m, s, &t);
	} else {
		settle_rcpts(r, m, s, &t);
		t.deferred += notices_send(r, s, &t.notices, &m->deaths);
		if (!put_aside(r, m))
			let_go(r, m, s, &t);
		notices_done(&t.notices);
	}
	if (m->asked) {
		bool done = t.asked &&
		    (t.request == QUEUE_ASK_FAIL ? t.gave_up && !t.deferred : t.deferred > 0);

		(void)queue_unask(r->queue, m->id, done ? (int)t.request : QUEUE_UNDONE);
	}
}

/* Settles a message without a sheet: the process that reads messages makes one. */
static void
settle_unread(struct runner *r, struct message *m)
{
	struct sheet s;
	int signo, error = sheet_get(&r->reader, r->config, r->queue, m->id, &s, &signo);

	if (error == 0) {
		error = sheet_open(r->queue, &s);
		if (error == 0)
			settle_sheet(r, m, &s);
		sheet_done(&s);
	}
	if (signo) {
		if (m->asked)
			(void)queue_unask(r->queue, m->id, QUEUE_UNDONE);
		aside_postpone(r, m->id, signo);
	} else if (error < 0) {
		report_message(&r->reports, m->id, REPORT_STUCK, 0, error);
	}
}

void
settle_message(struct runner *r, struct message *m, struct sheet *s)
{
	if (all_delivered(m) && !m->partly && !m->asked)	/* the file need not be read */
		finish(r, m->id);
	else if (put_aside(r, m))
		;
	else if (s && sheet_open(r->queue, s) == 0)
		settle_sheet(r, m, s);
	else
		settle_unread(r, m);
	window_forget(&r->window, m);
}

/* Defers the recipients of a job that have no result. */
static void
defer_rest(struct message *m, const struct job *job)
{
	struct outcome o;
	size_t i = 0;

	while (i < job->n && m->results[job->rcpts[i]])
		i++;
	if (i == job->n)
		return;
	outcome_set(&o, CAUSE_LOCAL, SL(""), job->cut ?
	    SL("the delivery process ended without a result (the message " OUTCOME_TWICE) :
	    SL("the delivery process could not read the message"));
	for (; i < job->n; i++)
		window_result(m, job->rcpts[i], &o, false);
}

void
settle_job(struct runner *r, struct job *job)
{
	struct message *m = job->message;

	defer_rest(m, job);
	free(job);
	if (--m->jobs == 0)
		settle_message(r, m, NULL);
}
