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
#include "base/keyed_hash.h"
#include "delivery/delivery.h"
#include "queue/operator.h"
#include "queue/reading.h"
#include "runner/aside.h"
#include "runner/frame.h"
#include "runner/runner.h"
#include "runner/schedule.h"
#include "runner/settle.h"
#include "runner/sheet.h"

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

struct name {
	struct slice local, domain;
	size_t rcpt;
};

/* The order of octets, letters in any case. */
static int
compare(struct slice a, struct slice b)
{
	int order = (a.n > b.n) - (a.n < b.n);

	for (size_t i = 0; order == 0 && i < a.n; i++)
		order = ascii_lower(a.p[i]) - ascii_lower(b.p[i]);
	return order;
}

static int
compare_names(const struct name *a, const struct name *b)
{
	const int order = compare(a->local, b->local);

	return order ? order : compare(a->domain, b->domain);
}

/* The order of addresses; of the same address, of their places. */
static int
by_name(const void *left, const void *right)
{
	const struct name *a = left, *b = right;
	const int order = compare_names(a, b);

	return order ? order : (a->rcpt > b->rcpt) - (a->rcpt < b->rcpt);
}

/* Drops recipients that another one stands for: Anna@ and anna@ are one mailbox here, or one alias.
 * Elsewhere only the next host knows.  Without memory each gets a copy. */
static void
drop_variants(const struct runner *r, struct sheet *s)
{
	struct queue_entry *e = &s->e;
	struct name *names = e->nrcpts > 1 ? calloc(e->nrcpts, sizeof *names) : NULL;
	size_t n = 0;

	if (!names)
		return;
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct queue_rcpt *rcpt = &e->rcpts[i];

		if (way_of(s->rcpts[i].route->via)->folds_case || is_alias(r, e, rcpt))
			names[n++] = (struct name){
				slice_of(rcpt->path.p, s->rcpts[i].local), rcpt->domain, i,
			};
	}
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 1; i < n; i++) {
		struct queue_rcpt *rcpt = &e->rcpts[names[i].rcpt];

		if (rcpt->state != QUEUE_PENDING || compare_names(&names[i - 1], &names[i]) != 0)
			continue;
		/* If the write fails, the next run finds it again. */
		rcpt->state = QUEUE_DELIVERED;
		if (sheet_open(r->queue, s) == 0)
			(void)queue_mark(e, names[i].rcpt, QUEUE_DELIVERED);
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

/* The recipients of a message for one destination, and its rate. */
struct paced {
	char space[2048];
	struct rates_line line;
	struct rates_wait wait;
	struct rates_moment moment;
};

/* May recipients go now?  RATES_DUE: other machines decide.  RATES_WAIT: they are deferred. */
static enum rates_reply
look_at_rate(struct runner *r, struct message *m, const struct sheet *s,
    const struct rcpt_place *places, const uint32_t *rcpts, size_t n, struct paced *p)
{
	const struct destination *d = places->destination;
	const struct route *route = d->route;
	const int64_t now_us = clock_wall_us();
	struct buf name = BUF(p->space);
	enum rates_reply reply;

	if (!route->interval_us)
		return RATES_GO;
	p->wait = (struct rates_wait){ 0 };
	for (size_t i = 0; i < n; i++)
		if (s->rcpts[rcpts[i]].wait.place_us > p->wait.place_us)
			p->wait = s->rcpts[rcpts[i]].wait;
	/* Routes with the same hosts have lines of their own. */
	buf_fmt(&name, "%s %s %s", route->by_sender ? "sender" : "route", route->pattern, d->key);
	p->line = (struct rates_line){ name.full ? slice_str(d->key) : buf_slice(&name),
		route->interval_us, s->sender };
	reply = rates_look(&r->rates, &p->line, &p->wait, now_us, &p->moment);
	if (reply == RATES_DUE && !sharing_asks(&r->sharing)) {
		turns_alone(r);
		reply = rates_take(&r->rates, &p->line, &p->wait, &p->moment, now_us) ?
		    RATES_GO : RATES_WAIT;
	}
	if (reply == RATES_WAIT)
		turns_defer(m, rcpts, n, &p->wait);
	return reply;
}

/* Makes a job of the recipients at these places, unless they wait. */
static int
push_job(struct runner *r, struct message *m, const struct sheet *s,
    const struct rcpt_place *places, size_t n)
{
	static struct paced p;
	struct destination *d = places->destination;
	struct job *job = malloc(sizeof *job + n * sizeof job->rcpts[0]);
	enum rates_reply reply;
	int error = 0;

	if (!job)
		return -ENOMEM;
	job->message = m;
	job->n = n;
	job->hash = 0;
	job->cut = false;
	for (size_t k = 0; k < n; k++) {
		job->rcpts[k] = places[k].rcpt;
		job->hash = keyed_hash(job->hash, s->e.rcpts[places[k].rcpt].path);
	}
	reply = look_at_rate(r, m, s, places, job->rcpts, n, &p);
	if (reply == RATES_DUE)
		error = turns_add(r, d, job, &p.line, &p.wait, &p.moment);
	if (reply == RATES_WAIT || error < 0) {
		free(job);
		return error;
	}
	m->jobs++;
	if (reply != RATES_DUE)
		destination_push(&r->destinations, d, job);
	return 0;
}

/* Makes one job of each run of recipients with the same destination, cut at FRAME_RCPTS_MAX. */
static int
push_jobs(struct runner *r, struct message *m, const struct sheet *s,
    const struct rcpt_place *places, size_t n)
{
	int error = 0;

	for (size_t i = 0, run; i < n && error == 0; i += run) {
		for (run = 1; i + run < n && run < FRAME_RCPTS_MAX; run++)
			if (places[i + run].destination != places[i].destination)
				break;
		error = push_job(r, m, s, places + i, run);
	}
	return error;
}

/* Lines up jobs for the pending recipients of e.  A recipient without memory for its destination
 * has no result in the end, which counts as local trouble. */
static int
line_up(struct runner *r, struct message *m, const struct sheet *s)
{
	const struct queue_entry *e = &s->e;
	struct rcpt_place *places = calloc(e->nrcpts ? e->nrcpts : 1, sizeof *places);
	size_t n = 0;
	int error;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct slice domain = e->rcpts[i].domain;
		const struct route *route = s->rcpts[i].route;

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
	error = push_jobs(r, m, s, places, n);
	free(places);
	return error;
}

/* Fails all pending recipients if the deadline has passed and the sender wants the message back
 * then (RFC 2852). */
static bool
came_too_late(struct message *m, const struct sheet *s)
{
	struct outcome o;

	if (!deadline_ends(&s->deadline, clock_wall_s()))
		return false;
	for (uint32_t i = 0; i < s->e.nrcpts; i++) {
		const char state = s->e.rcpts[i].state;

		if (state != QUEUE_PENDING) {
			settled_before(m, i, state);
			continue;
		}
		deadline_outcome(&o, SL(""), s->rcpts[i].last);
		window_result(m, i, &o, false);
	}
	return true;
}

/* Moves a message to wait/ if it must wait for its first attempt. */
static bool
postpone_message(struct runner *r, const struct sheet *s)
{
	const int64_t until_s = schedule_postpone_s(s->e.arrived_us / 1000000, s->release_s,
	    &s->deadline, clock_wall_s());
	int error;

	if (until_s == 0)
		return false;
	error = queue_postpone(r->queue, &s->e, until_s);
	report_message(&r->reports, s->e.id, error < 0 ? REPORT_STUCK : REPORT_DEFERRED, until_s,
	    error);
	return true;
}

/*
 * Moves a message to hold/ that a filter wants held.  After an operator has released it, its log
 * has a note.  The note follows the move, so a crash in between can only hold it once more.
 */
static bool
hold_message(struct runner *r, struct sheet *s)
{
	struct queue_spot spot = { .place = QUEUE_IN_CUR, .folder = r->queue->cur };
	struct queue_entry *e = &s->e;
	char space[400];
	struct buf note = BUF(space);
	int error;

	if (e->quarantine.n == 0 || s->released)
		return false;
	memcpy(spot.id, e->id, sizeof spot.id);
	error = sheet_open(r->queue, s);
	if (error == 0)
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
keep_right(const struct runner *r, struct message *m, const struct sheet *s)
{
	const struct dkim_right *right = &s->right;

	if (r->config->ndkim == 0)
		return;
	m->content_at = s->e.content_at;
	m->content_size = s->e.content_size;
	m->sign_scope = right->scope;
	if (right->scope == DKIM_OWN)
		m->sign_domain = strndup(right->domain.p, right->domain.n);
	if (right->scope == DKIM_OWN && !m->sign_domain)
		m->sign_scope = DKIM_NONE;
}

/* Keeps where the recipients are in the file: a worker reads those of its job. */
static void
keep_places(struct message *m, const struct queue_entry *e)
{
	m->lines = e->lines;
	for (size_t i = 0; i < e->nrcpts; i++)
		m->at[i] = (uint32_t)e->rcpts[i].at;
}

static void
take_in(struct runner *r, struct sheet *s)
{
	const struct queue_entry *e = &s->e;
	struct message *m;
	int error;

	destination_trim(&r->destinations);
	m = window_add(&r->window, e->id, e->nrcpts);
	if (m) {
		m->fresh = e->attempts == 0;
		m->rank = s->rank;
		m->sender = keyed_hash(0, e->from);
		m->verp = e->verp;
		keep_places(m, e);
		keep_right(r, m, s);
	}
	error = m ? 0 : -ENOMEM;
	if (m && !came_too_late(m, s))
		error = line_up(r, m, s);
	if (error < 0)
		report_trouble(&r->reports, "no memory for a message", e->id, error);
	if (m && m->jobs == 0)
		settle_message(r, m, s);
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

/* Admit a message.  *ret_left is set if the window has no room for it. */
static int
admit_sheet(struct runner *r, const char *id, struct slice octets, bool *ret_left)
{
	struct sheet s;
	int error;
	bool room;

	queue_reading_begin(id);
	error = sheet_read(r->config, id, octets, &s);
	if (error < 0) {
		queue_reading_end();
		return error;
	}
	room = s.e.attempts || window_room_for(&r->window, s.rank);
	if (room && !hold_message(r, &s) && !postpone_message(r, &s)) {
		drop_variants(r, &s);
		take_in(r, &s);
	}
	*ret_left |= !room;
	sheet_done(&s);
	queue_reading_end();
	return 0;
}

struct admitting {
	struct runner *r;
	char (*ids)[QUEUE_ID_SIZE];
	bool fresh;
	bool left;			/* the window has no room for some of them */
	bool broken;			/* the process wrote what is no sheet */
};

static void
admit_reply(void *ctx, size_t i, const struct queue_reader_reply *reply)
{
	struct admitting *a = ctx;
	const char *id = a->ids[i];
	int error = 0;

	if (reply->signo)
		aside_postpone(a->r, id, reply->signo);
	else if (!window_room(&a->r->window, a->fresh))
		a->left = true;
	else if (!window_find(&a->r->window, id))
		error = admit_sheet(a->r, id, reply->octets, &a->left);
	if (error == -EPROTO)
		aside_postpone(a->r, id, SHEET_BROKEN);
	else if (error < 0)
		refuse_message(a->r, id, error);
	a->broken |= error == -EPROTO;
}

bool
admit_messages(struct runner *r, char (*ids)[QUEUE_ID_SIZE], size_t n, bool fresh)
{
	struct admitting a = { .r = r, .ids = ids, .fresh = fresh };

	if (sheet_ask(&r->reader, r->config, r->queue, ids, n, admit_reply, &a) < n) {
		report_trouble(&r->reports, "cannot start a process that reads messages", "",
		    -EAGAIN);
		r->unread = true;
	}
	if (a.broken)			/* nothing from this process can be believed */
		queue_reader_end(&r->reader);
	return !a.left;
}
