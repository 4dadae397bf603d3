// SPDX-License-Identifier: ISC
/*
 * Few questions are on their way at a time, so a burst of them does not fill the socket.  Answers
 * come in the order of the questions.
 */
#include "runner/turns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "runner/runner.h"
#include "runner/settle.h"

#define ASKED_MAX 64

struct turn {
	struct turn *next;
	uint32_t number;		/* of the question; 0: not asked yet */
	struct destination *destination;
	struct job *job;
	struct rates_wait wait;
	struct rates_moment moment;
	struct rates_line line;		/* its destination is `key` */
	char key[];
};

void
turns_defer(struct message *m, const uint32_t *rcpts, size_t n, const struct rates_wait *w)
{
	struct outcome o;

	rates_outcome(w, &o);
	for (size_t i = 0; i < n; i++)
		window_result(m, rcpts[i], &o, false);
	if (m->moment_s == 0 || w->until_s < m->moment_s) {
		m->moment_s = w->until_s;
		m->turn = w->turn;
	}
}

/* The name of a destination for others.  A very long one is cut, and its hash makes the
 * difference. */
static struct slice
public_name(const struct turn *t, char space[TALK_NAME_MAX])
{
	const struct slice name = t->line.destination;
	struct buf b = { .p = space, .cap = TALK_NAME_MAX };

	if (name.n <= TALK_NAME_MAX)
		return name;
	buf_add(&b, slice_of(name.p, TALK_NAME_MAX - 20));
	buf_fmt(&b, " #%016" PRIx64, hash_slice(HASH_START, name));
	return buf_slice(&b);
}

static bool
ask(struct runner *r, struct turn *t)
{
	char space[TALK_NAME_MAX];
	struct turns *all = &r->turns;
	const int64_t now_us = clock_wall_us();
	struct talk question = {
		.kind = TALK_ASK, .interval_us = (int64_t)t->line.interval_us,
		.grace_us = t->moment.grace_us, .text = public_name(t, space),
	};

	/* Since it was put in line, time has passed. */
	t->moment.free_us += t->moment.asked_us - now_us;
	t->moment.asked_us = now_us;
	question.free_us = t->moment.free_us;
	question.number = all->number + 1 ? all->number + 1 : 1;
	if (!sharing_send(&r->sharing, &question))
		return false;
	t->number = all->number = question.number;
	if (all->nasked++ == 0)
		all->since_us = clock_us();
	return true;
}

static void
ask_next(struct runner *r)
{
	for (struct turn *t = r->turns.first; t && r->turns.nasked < ASKED_MAX; t = t->next)
		if (!t->number && !ask(r, t))
			return;
}

int
turns_add(struct runner *r, struct destination *d, struct job *job, const struct rates_line *line,
    const struct rates_wait *w, const struct rates_moment *m)
{
	const size_t n = line->destination.n;
	struct turn *t = malloc(sizeof *t + n);

	if (!t)
		return -ENOMEM;
	*t = (struct turn){ .destination = d, .job = job, .wait = *w, .moment = *m, .line = *line };
	memcpy(t->key, line->destination.p, n);
	t->line.destination.p = t->key;
	if (!r->turns.first)
		r->turns.end = &r->turns.first;
	*r->turns.end = t;
	r->turns.end = &t->next;
	r->turns.n++;
	d->asking++;
	if (r->turns.nasked < ASKED_MAX)
		(void)ask(r, t);
	return 0;
}

static void
take_out(struct turns *all, struct turn **at)
{
	struct turn *t = *at;

	*at = t->next;
	if (all->end == &t->next)
		all->end = at;
	all->n--;
	all->nasked -= t->number != 0;
	t->destination->asking--;
}

/* The job goes now, or its message waits for its turn. */
static void
settle_turn(struct runner *r, struct turn *t, bool goes)
{
	struct job *job = t->job;

	if (goes) {
		destination_push(&r->destinations, t->destination, job);
	} else {
		turns_defer(job->message, job->rcpts, job->n, &t->wait);
		settle_job(r, job);
	}
	free(t);
}

void
turns_given(struct runner *r, uint32_t number, int64_t after_us)
{
	struct turn **at = &r->turns.first, *t;
	bool goes;

	while ((t = *at) && t->number != number)
		at = &t->next;
	if (!t)				/* it was withdrawn */
		return;
	take_out(&r->turns, at);
	r->turns.since_us = clock_us();
	goes = rates_given(&r->rates, &t->line, &t->wait, &t->moment, after_us, clock_wall_us());
	settle_turn(r, t, goes);
	ask_next(r);
}

void
turns_alone(struct runner *r)
{
	if (!r->config->shared.redis || r->sharing.reported)
		return;
	report_trouble(&r->reports, "a rate is kept by this machine alone: Redis does not reply",
	    "", 0);
	r->sharing.reported = true;
}

void
turns_own(struct runner *r)
{
	struct turn *t;

	while ((t = r->turns.first)) {
		const int64_t now_us = clock_wall_us();

		take_out(&r->turns, &r->turns.first);
		settle_turn(r, t, rates_take(&r->rates, &t->line, &t->wait, &t->moment, now_us));
	}
}

int64_t
turns_left_us(const struct runner *r)
{
	const bool starts = r->sharing.state == SHARING_STARTING;
	const int64_t until_us = starts ? r->sharing.began_us + TURNS_START_US
					: r->turns.since_us + TURNS_ANSWER_US,
		      left_us = until_us - clock_us();

	if (!r->turns.n)
		return -1;
	return left_us > 0 && r->turns.nasked ? left_us : 0;
}

void
turns_withdraw(struct runner *r, struct message *m)
{
	struct turn **at = &r->turns.first, *t;

	while ((t = *at)) {
		if (t->job->message != m) {
			at = &t->next;
			continue;
		}
		take_out(&r->turns, at);
		free(t->job);
		free(t);
		m->jobs--;
	}
}

void
turns_done(struct turns *all)
{
	struct turn *t;

	while ((t = all->first)) {
		take_out(all, &all->first);
		free(t->job);
		free(t);
	}
}
