// SPDX-License-Identifier: ISC
/*
 * The active window: messages the runner has in hand, what each still waits for and
 * what was heard of its recipients.  Bounded by RUNNER_WINDOW, whatever the queue holds.
 */
#include "runner/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "attempt/deadline.h"
#include "delivery/way.h"
#include "runner/frame.h"
#include "runner/schedule.h"
#include "smtp/extension.h"

/* All deliveries that went well share this one. */
struct result result_delivered = { .outcome = { .kind = OUTCOME_DELIVERED }, .noted = true };

/* Delivered in an earlier run, which did not come to telling the sender: no more is known of it. */
#define OWED(where) { .outcome = { .kind = OUTCOME_DELIVERED, .status = "2.0.0", .reach = (where), .owed = true }, .noted = true }
static struct result result_owed[NOTICE_KINDS] = {
	[NOTICE_DELIVERED] = OWED(REACH_END),
	[NOTICE_RELAYED] = OWED(REACH_SERVER),
	[NOTICE_EXPANDED] = OWED(REACH_MANY),
};

static bool
is_shared(const struct result *result)
{
	for (size_t i = 0; i < NOTICE_KINDS; i++)
		if (result == &result_owed[i])
			return true;
	return result == &result_delivered;
}

struct result *
result_of_state(char state)
{
	enum notice_kind action;

	return owed_debt(state, &action) ? &result_owed[action] : &result_delivered;
}

static void
settled_before(struct message *m, size_t i, char state)
{
	m->partly = true;
	m->results[i] = result_of_state(state);
}

/* The tail of an ID is random, so it spreads. */
static size_t
id_bucket(const char *id)
{
	size_t h = 0;

	for (size_t i = QUEUE_ID_LEN - 4; i < QUEUE_ID_LEN; i++)
		h = h * 32 + (unsigned char)id[i];
	return h % RUNNER_BUCKETS;
}

struct message *
message_find(const struct runner *r, const char *id)
{
	struct message *m = r->messages[id_bucket(id)];

	while (m && strcmp(m->id, id) != 0)
		m = m->next;
	return m;
}

void
message_result(struct message *m, uint32_t rcpt, const struct outcome *o, bool noted)
{
	struct result *result;

	if (rcpt >= m->nrcpts || m->results[rcpt])
		return;
	if (o->kind == OUTCOME_DELIVERED && !o->owed) {
		m->results[rcpt] = &result_delivered;
		return;
	}
	result = malloc(sizeof *result);
	if (!result) {		/* nothing heard: deferred as local trouble when the job ends */
		if (o->kind == OUTCOME_DELIVERED)
			m->results[rcpt] = &result_owed[owed_success(o)];
		return;
	}
	result->outcome = *o;
	result->noted = noted;
	m->results[rcpt] = result;
}

void
message_take_back(struct job *job)
{
	struct message *m = job->message;
	size_t kept = 0;

	for (size_t i = 0; i < job->n; i++) {
		struct result **at = &m->results[job->rcpts[i]];

		if (*at && (*at)->outcome.kind != OUTCOME_DEFERRED)
			continue;
		free(*at);
		*at = NULL;
		job->rcpts[kept++] = job->rcpts[i];
	}
	job->n = kept;
}

void
message_job_done(struct runner *r, struct job *job)
{
	struct message *m = job->message;
	struct outcome o;

	outcome_set(&o, CAUSE_LOCAL, SL(""), SL("the delivery process ended without a result"));
	for (size_t i = 0; i < job->n; i++)
		message_result(m, job->rcpts[i], &o, false);
	free(job);
	if (--m->jobs == 0) {
		settle(r, m);
		message_forget(r, m);
	}
}

void
message_forget(struct runner *r, struct message *m)
{
	struct message **at = &r->messages[id_bucket(m->id)];

	while (*at && *at != m)
		at = &(*at)->next;
	if (*at) {
		*at = m->next;
		r->nmessages--;
		r->nrcpts -= m->nrcpts;
	}
	absent_forget(m);
	for (size_t i = 0; m->results && i < m->nrcpts; i++)
		if (!is_shared(m->results[i]))
			free(m->results[i]);
	free(m->results);
	free(m);
}

const struct route *
message_route(const struct runner *r, struct slice sender, const struct queue_rcpt *rcpt, struct slice *ret_domain)
{
	*ret_domain = rcpt->domain;
	if (rcpt->domain.n == 0)
		return config_postmaster(r->config, ret_domain);
	return config_route_from(r->config, sender, *ret_domain);
}

/* Does the recipient stand for others?  One whose aliases file is broken may: it has to wait until that is mended. */
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

/* One job for each run of recipients with the same destination, cut at FRAME_RCPTS_MAX. */
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
		destination_push(r, places[i].destination, job);
	}
	return 0;
}

/* Put the pending recipients of e in line.  A recipient for which there is no memory keeps an
 * empty result, which settles as local trouble. */
static int
put_in_line(struct runner *r, struct message *m, const struct queue_entry *e)
{
	struct rcpt_place *places = calloc(e->nrcpts ? e->nrcpts : 1, sizeof *places);
	size_t n = 0;
	int error;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < e->nrcpts; i++) {
		struct slice domain;
		const struct route *route = message_route(r, e->from, &e->rcpts[i], &domain);

		if (e->rcpts[i].state == QUEUE_PENDING && is_alias(r, e, &e->rcpts[i]))
			route = &delivery_way_aliases;
		if (e->rcpts[i].state != QUEUE_PENDING)
			settled_before(m, i, e->rcpts[i].state);
		else if (freeze_holds(r, m, (uint32_t)i, route))
			continue;
		else if ((places[n].destination = destination_for(r, route, domain)))
			places[n++].rcpt = (uint32_t)i;
	}
	qsort(places, n, sizeof *places, by_destination);
	error = push_jobs(r, m, places, n);
	free(places);
	return error;
}

static struct message *
message_new(struct runner *r, const char *id, size_t nrcpts)
{
	struct message *m = calloc(1, sizeof *m), **bucket = &r->messages[id_bucket(id)];

	if (!m)
		return NULL;
	memcpy(m->id, id, sizeof m->id);
	m->nrcpts = nrcpts;
	m->results = calloc(nrcpts ? nrcpts : 1, sizeof(struct result *));
	if (!m->results) {
		free(m);
		return NULL;
	}
	m->next = *bucket;
	*bucket = m;
	r->nmessages++;
	r->nrcpts += nrcpts;
	return m;
}

/* The last that was noted of a recipient, behind its path.  A peer's reply is told, our own reasons are not: they may speak of
 * files on this host. */
static struct slice
last_words(const struct queue_entry *e, struct slice path, struct buf *b)
{
	struct slice words;
	const char *why;

	queue_last_note(e, path, b);
	words = slice_skip(buf_slice(b), path.n + sizeof "<> " - 1);
	why = words.n ? memmem(words.p, words.n, " why=", 5) : NULL;
	return why ? slice_of(words.p, (size_t)(why - words.p)) : words;
}

/* The time its sender has set is over, and it is to come back then (RFC 2852): no attempt is made. */
static bool
came_too_late(struct message *m, const struct queue_entry *e)
{
	const struct deadline deadline = deadline_of(e);
	struct outcome o;

	if (!deadline_ends(&deadline, runner_now_s()))
		return false;
	for (uint32_t i = 0; i < e->nrcpts; i++) {
		const struct queue_rcpt *rcpt = &e->rcpts[i];
		char space[OUTCOME_DETAIL];
		struct buf b = BUF(space);

		if (rcpt->state != QUEUE_PENDING) {
			settled_before(m, i, rcpt->state);
			continue;
		}
		deadline_outcome(&o, SL(""), last_words(e, rcpt->path, &b));
		message_result(m, i, &o, false);
	}
	return true;
}

/* Not yet: back to wait/.  A hold that is longer than can be was made by a clock that is right again. */
static bool
held(struct runner *r, const struct queue_entry *e)
{
	const struct deadline deadline = deadline_of(e);
	const int64_t now_s = runner_now_s();
	int64_t until_s = hold_until(e);
	int error;

	if (deadline.give_back && deadline.at_s < until_s)
		until_s = deadline.at_s;
	if (until_s <= now_s || until_s - now_s > SMTP_HOLD_MAX_S)
		return false;
	error = queue_postpone(r->queue, e, until_s);
	r->hooks->message(r->ctx, e->id, error < 0 ? RUNNER_STUCK : RUNNER_DEFERRED, until_s, error);
	return true;
}

bool
runner_room(const struct runner *r, bool fresh)
{
	return r->nrcpts < (fresh ? RUNNER_WINDOW : RUNNER_WINDOW_RETRIED);
}

static void
add(struct runner *r, const struct queue_entry *e)
{
	struct message *m;
	int error;

	destinations_trim(r);
	m = message_new(r, e->id, e->nrcpts);
	if (m)
		m->fresh = e->attempts == 0;
	error = m ? 0 : -ENOMEM;
	if (m && !came_too_late(m, e))
		error = put_in_line(r, m, e);
	if (error < 0)
		r->hooks->trouble(r->ctx, "no memory for a message", e->id, error);
	if (m && m->jobs == 0) {
		settle(r, m);
		message_forget(r, m);
	}
}

void
runner_add(struct runner *r, const char *id)
{
	struct queue_entry e;
	int error;

	if (message_find(r, id))
		return;
	error = queue_load(r->queue, id, &e);
	if (error == -ENOENT)		/* somebody else's hand: nothing to do */
		return;
	if (error == -EBADMSG) {
		error = queue_bury(r->queue, id);
		r->hooks->message(r->ctx, id, error ? RUNNER_STUCK : RUNNER_DEAD, 0, error);
		return;
	}
	if (error < 0) {
		r->hooks->trouble(r->ctx, "cannot read a message", id, error);
		return;
	}
	if (!held(r, &e))
		add(r, &e);
	queue_unload(&e);
}
