// SPDX-License-Identifier: ISC
/*
 * Recipients are grouped by destination.  Each group becomes a job; recipients that need no attempt
 * get their result here.
 */
#include "runner/admit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliases/find.h"
#include "attempt/deadline.h"
#include "attempt/owed.h"
#include "base/clock.h"
#include "base/idn.h"
#include "delivery/delivery.h"
#include "queue/operator.h"
#include "queue/reading.h"
#include "runner/frame.h"
#include "runner/rank.h"
#include "runner/runner.h"
#include "runner/schedule.h"
#include "runner/settle.h"

/* Is the recipient an alias?  If an aliases file is broken it may be one: the recipient waits until
 * the file is repaired. */
static bool
is_alias(const struct runner *r, const struct queue_entry *e, const struct queue_rcpt *rcpt)
{
	struct alias_hit hit;
	struct smtp_path path;

	if (!r->aliases || e->expanded)
		return false;
	if (!smtp_path_parse_whole(rcpt->path, SMTP_PATH_LISTED, &path))
		return false;
	return aliases_find(r->aliases, &path, true, &hit) != 0;
}

/* The order of addresses, their letters in any case; of the same address, of their places. */
static int
by_name(const void *left, const void *right)
{
	const struct queue_rcpt *a = *(struct queue_rcpt *const *)left;
	const struct queue_rcpt *b = *(struct queue_rcpt *const *)right;
	const size_t local = a->path.n - a->domain.n, other = b->path.n - b->domain.n;
	int order = (local > other) - (local < other);

	for (size_t i = 0; order == 0 && i < local; i++)
		order = ascii_lower(a->path.p[i]) - ascii_lower(b->path.p[i]);
	if (order == 0)
		order = idn_compare(a->domain, b->domain);
	return order ? order : (a > b) - (a < b);
}

/* Drops recipients that another one stands for: Anna@ and anna@ are one mailbox here, or one alias.
 * Elsewhere only the next host knows.  Without memory each gets a copy. */
static void
drop_variants(const struct runner *r, struct queue_entry *e)
{
	struct queue_rcpt **names = calloc(e->nrcpts ? e->nrcpts : 1, sizeof(struct queue_rcpt *));
	size_t n = 0;

	if (!names)
		return;
	for (size_t i = 0; i < e->nrcpts && e->nrcpts > 1; i++) {
		struct slice domain;
		const struct route *route = destination_route(r->config, e, i, &domain);

		if (way_of(route->via)->folds_case || is_alias(r, e, &e->rcpts[i]))
			names[n++] = &e->rcpts[i];
	}
	qsort(names, n, sizeof(struct queue_rcpt *), by_name);
	for (size_t i = 1; i < n; i++) {
		if (!idn_same_address(names[i - 1]->path, names[i]->path) ||
		    names[i]->state != QUEUE_PENDING)
			continue;
		/* If the write fails, the next run finds it again. */
		names[i]->state = QUEUE_DELIVERED;
		(void)queue_mark(e, (size_t)(names[i] - e->rcpts), QUEUE_DELIVERED);
	}
	free(names);
}

/* Records a recipient that an earlier run has settled. */
static void
settled_before(struct message *m, size_t i, char state)
{
	m->partly = true;
	m->results[i] = window_result_of_state(state);
}

/* Defers the recipient without an attempt if its route is frozen. */
static bool
defer_if_frozen(struct runner *r, struct message *m, uint32_t rcpt, const struct route *route)
{
	struct frozen *f = r->frozen.n ? frozen_now(&r->frozen, route, clock_wall_s()) : NULL;
	struct outcome o;

	if (!f)
		return false;
	if (frozen_first_report(f))
		report_route(&r->reports, route, f);
	frozen_outcome(f, &o);
	window_result(m, rcpt, &o, false);
	return true;
}

struct rcpt_place {
	struct destination *destination;
	uint32_t rcpt;
};

static int
by_destination(const void *a, const void *b)
{
	const struct rcpt_place *x = a, *y = b;

	if (x->destination != y->destination)
		return (uintptr_t)x->destination < (uintptr_t)y->destination ? -1 : 1;
	return x->rcpt < y->rcpt ? -1 : x->rcpt > y->rcpt;
}

/* Makes one job of each run of recipients with the same destination, cut at FRAME_RCPTS_MAX. */
static int
push_jobs(struct runner *r, struct message *m, const struct rcpt_place *places, size_t n)
{
	for (size_t i = 0, run; i < n; i += run) {
		struct job *job;

		for (run = 1; i + run < n && run < FRAME_RCPTS_MAX; run++)
			if (places[i + run].destination != places[i].destination)
				break;
		job = malloc(sizeof *job + run * sizeof job->rcpts[0]);
		if (!job)
			return -ENOMEM;
		job->message = m;
		job->n = run;
		for (size_t k = 0; k < run; k++)
			job->rcpts[k] = places[i + k].rcpt;
		m->jobs++;
		destination_push(&r->destinations, places[i].destination, job);
	}
	return 0;
}

/* Lines up jobs for the pending recipients of e.  A recipient without memory for its destination
 * has no result in the end, which counts as local trouble. */
static int
line_up(struct runner *r, struct message *m, const struct queue_entry *e)
{
	struct rcpt_place *places = calloc(e->nrcpts ? e->nrcpts : 1, sizeof *places);
	size_t n = 0;
	int error;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < e->nrcpts; i++) {
		struct slice domain;
		const struct route *route = destination_route(r->config, e, i, &domain);

		if (e->rcpts[i].state == QUEUE_PENDING && is_alias(r, e, &e->rcpts[i]))
			route = &delivery_way_aliases;
		if (e->rcpts[i].state != QUEUE_PENDING)
			settled_before(m, i, e->rcpts[i].state);
		else if (defer_if_frozen(r, m, (uint32_t)i, route))
			continue;
		else if ((places[n].destination = destination_for(&r->destinations, route, domain)))
			places[n++].rcpt = (uint32_t)i;
	}
	qsort(places, n, sizeof *places, by_destination);
	error = push_jobs(r, m, places, n);
	free(places);
	return error;
}

/* The last note about a recipient in the log, without its path.  A host's reply is kept; a
 * reason of ours is not, because it may name files of this machine. */
static struct slice
last_note(const struct queue_entry *e, struct slice path, struct buf *b)
{
	struct slice words;
	const char *why;

	queue_last_note(e, path, b);
	words = slice_skip(buf_slice(b), path.n + sizeof "<> " - 1);
	why = words.n ? memmem(words.p, words.n, " why=", 5) : NULL;
	return why ? slice_of(words.p, (size_t)(why - words.p)) : words;
}

/* Fails all pending recipients if the deadline has passed and the sender wants the message back
 * then (RFC 2852). */
static bool
came_too_late(struct message *m, const struct queue_entry *e)
{
	const struct deadline deadline = deadline_of(e);
	struct outcome o;

	if (!deadline_ends(&deadline, clock_wall_s()))
		return false;
	for (uint32_t i = 0; i < e->nrcpts; i++) {
		const struct queue_rcpt *rcpt = &e->rcpts[i];
		char space[SMTP_PATH_TEXT + OUTCOME_DETAIL];
		struct buf b = BUF(space);

		if (rcpt->state != QUEUE_PENDING) {
			settled_before(m, i, rcpt->state);
			continue;
		}
		deadline_outcome(&o, SL(""), last_note(e, rcpt->path, &b));
		window_result(m, i, &o, false);
	}
	return true;
}

/* Moves a message to wait/ if it must wait for its first attempt. */
static bool
postpone_message(struct runner *r, const struct queue_entry *e)
{
	const int64_t until_s = schedule_postpone_s(e, clock_wall_s());
	int error;

	if (until_s == 0)
		return false;
	error = queue_postpone(r->queue, e, until_s);
	report_message(&r->reports, e->id, error < 0 ? REPORT_STUCK : REPORT_DEFERRED, until_s,
	    error);
	return true;
}

/*
 * Moves a message to hold/ that a filter wants held.  After an operator has released it, its log
 * has a note.  The note follows the move, so a crash in between can only hold it once more.
 */
static bool
hold_message(struct runner *r, struct queue_entry *e)
{
	struct queue_spot spot = { .place = QUEUE_IN_CUR, .folder = r->queue->cur };
	char space[400];
	struct buf note = BUF(space), last = BUF(space);
	int error;

	if (e->quarantine.n == 0)
		return false;
	queue_last_note(e, SL("quarantine"), &last);
	if (last.n)
		return false;
	memcpy(spot.id, e->id, sizeof spot.id);
	error = queue_hold(r->queue, &spot);
	report_message(&r->reports, e->id, error < 0 ? REPORT_STUCK : REPORT_HELD, 0, error);
	buf_str(&note, "<quarantine> held: ");
	buf_add(&note, slice_of(e->quarantine.p, e->quarantine.n < 300 ? e->quarantine.n : 300));
	if (error == 0)
		(void)queue_note(e, buf_slice(&note));
	return true;
}

/* Keeps what the process that signs must know of the message, as it is before a worker has it.
 * Without memory it has no right. */
static void
keep_right(const struct runner *r, struct message *m, const struct queue_entry *e)
{
	struct dkim_right right;

	if (r->config->ndkim == 0)
		return;
	right = dkim_right(r->config, (struct sender){ e->from, e->standing });
	m->content_at = e->content_at;
	m->content_size = e->content_size;
	m->sign_scope = right.scope;
	if (right.scope == DKIM_OWN)
		m->sign_domain = strndup(right.domain.p, right.domain.n);
	if (right.scope == DKIM_OWN && !m->sign_domain)
		m->sign_scope = DKIM_NONE;
}

static void
take_in(struct runner *r, const struct queue_entry *e, unsigned rank)
{
	struct message *m;
	int error;

	destination_trim(&r->destinations);
	m = window_add(&r->window, e->id, e->nrcpts);
	if (m) {
		m->fresh = e->attempts == 0;
		m->rank = rank;
		keep_right(r, m, e);
	}
	error = m ? 0 : -ENOMEM;
	if (m && !came_too_late(m, e))
		error = line_up(r, m, e);
	if (error < 0)
		report_trouble(&r->reports, "no memory for a message", e->id, error);
	if (m && m->jobs == 0)
		settle_message(r, m);
}

/* Reports a message of cur/ that is no message, or cannot be read. */
static void
refuse_message(struct runner *r, const char *id, int error)
{
	char what[sizeof "cannot read cur/" + QUEUE_ID_SIZE];

	if (error == -ENOENT)		/* an operator has moved it */
		return;
	if (error == -EBADMSG) {
		error = queue_bury(r->queue, id);
		report_message(&r->reports, id, error ? REPORT_STUCK : REPORT_DEAD, 0, error);
		return;
	}
	(void)snprintf(what, sizeof what, "cannot read cur/%s", id);
	report_trouble(&r->reports, what, id, error);
	r->reports.stuck = true;
}

void
admit_read(const struct queue_entry *e)
{
	const struct deadline deadline = deadline_of(e);
	struct smtp_path path;

	(void)deadline_ends(&deadline, clock_wall_s());
	(void)schedule_postpone_s(e, clock_wall_s());
	(void)rank_of(e);
	for (uint32_t i = 0; i < e->nrcpts; i++) {
		(void)smtp_path_parse_whole(e->rcpts[i].path, SMTP_PATH_LISTED, &path);
		(void)owed_wanted(e, i, NOTICE_FAILED);
	}
}

bool
admit_message(struct runner *r, const char *id)
{
	struct queue_entry e;
	unsigned rank;
	bool room;
	int error;

	if (window_find(&r->window, id))
		return true;
	queue_reading_begin(id);
	error = queue_load(r->queue, id, &e);
	if (error < 0) {
		queue_reading_end();
		refuse_message(r, id, error);
		return true;
	}
	rank = rank_of(&e);
	room = e.attempts || window_room_for(&r->window, rank);
	if (room && !hold_message(r, &e) && !postpone_message(r, &e)) {
		drop_variants(r, &e);
		take_in(r, &e, rank);
	}
	queue_unload(&e);
	queue_reading_end();
	return room;
}
