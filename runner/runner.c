// SPDX-License-Identifier: ISC
/*
 * Work and workers: who gets the next job, what a worker said, and what its end
 * means.  No logging and no event loop here: relay.c calls, and runner/loop.
 */
#include "runner/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/frame.h"
#include "runner/internal.h"
#include "runner/worker.h"

#define START_PAUSE_MS 1000	/* where that failed, each event would fail likewise, and say so */

/* In the child: the other workers' pairs must be the parent's alone, or they never see it hang up. */
static void
close_pairs(void *ctx)
{
	struct runner *r = ctx;

	for (struct worker *w = r->workers; w; w = w->next)
		close(w->fd);
}

static struct worker *
start_worker(struct runner *r, struct destination *d)
{
	struct worker_setup setup = {
		.queue = r->queue,
		.config = r->config,
		.resolver = r->resolver,
		.hosts = &r->hosts,
		.aliases = r->aliases,
		.route = d->route,
		.destination = d->name,
	};
	struct worker *w = calloc(1, sizeof *w);
	int error;

	if (!w)
		return NULL;
	error = worker_start(&setup, close_pairs, r, &w->pid, &w->fd);
	if (error < 0) {
		r->hooks->trouble(r->ctx, "cannot start a delivery process", d->key, error);
		r->again_ms = clock_ms() + START_PAUSE_MS;
		free(w);
		return NULL;
	}
	w->destination = d;
	w->doubtful = d->ring == RING_DOUBTFUL;
	w->next = r->workers;
	r->workers = w;
	r->nworkers++;
	d->processes++;
	d->workers++;
	destination_update(r, d);
	r->hooks->started(r->ctx, w, w->pid, w->fd);
	return w;
}

/* The next job of its destination. */
static bool
give_job(struct runner *r, struct worker *w)
{
	struct job *job = destination_pop(r, w->destination);
	static struct frame f;

	if (!job)
		return false;
	f.type = FRAME_JOB;
	memcpy(f.job.id, job->message->id, sizeof f.job.id);
	f.job.n = (uint32_t)job->n;
	memcpy(f.job.rcpts, job->rcpts, job->n * sizeof job->rcpts[0]);
	if (frame_put(w->fd, &f) < 0) {		/* it died while it had nothing to do: no attempt was made */
		destination_put_back(r, w->destination, job);
		return true;
	}
	w->jobs[w->njobs++] = job;
	w->count++;
	return true;
}

/* Would nobody else be quicker?  There is more than one in line for each other worker, no further worker may start, and
 * the host is known to take mail. */
static bool
spare(const struct runner *r, const struct destination *d)
{
	return d->proven && d->waiting >= d->workers && (d->workers >= d->limit || r->nworkers >= r->config->relay.processes);
}

static void
dismiss(struct runner *r, struct worker *w)
{
	(void)shutdown(w->fd, SHUT_WR);		/* what it has not begun it will not begin */
	if (w->ending)
		return;
	w->ending = true;
	w->destination->workers--;
	destination_update(r, w->destination);
}

/* As much as is good for it, or goodbye. */
static void
give_jobs(struct runner *r, struct worker *w)
{
	const bool yields = pace_yield(r, w);

	if (w->njobs == 0 && (w->ending || yields || !give_job(r, w)))
		dismiss(r, w);
	while (!w->ending && !yields && w->njobs && w->njobs < WORKER_JOBS && spare(r, w->destination))
		if (!give_job(r, w))
			return;
}

void
runner_dispatch(struct runner *r)
{
	struct destination *d;
	struct worker *w;

	while (!r->stopping && clock_ms() >= r->again_ms && (d = pace_next(r)) && (w = start_worker(r, d)))
		give_jobs(r, w);
}

bool
runner_ready(const struct runner *r)
{
	return !r->stopping && (r->rings[RING_DEAD] || absent_ready(r));
}

void
runner_turn(struct runner *r)
{
	const int64_t end_us = clock_us() + RUNNER_SLICE_US;
	struct destination *d;

	absent_turn(r);
	while ((d = r->rings[RING_DEAD]) && clock_us() < end_us) {
		struct job *job = destination_pop(r, d);

		if (!d->dead) {		/* no longer */
			destination_put_back(r, d, job);
			continue;
		}
		for (size_t i = 0; i < job->n; i++)
			message_result(job->message, job->rcpts[i], d->dead, false);
		absent_note(job->message, d, d->dead);
		message_job_done(r, job);
	}
}

static void
job_over(struct runner *r, struct worker *w)
{
	struct destination *d = w->destination;
	struct job *job = w->jobs[0];
	struct result *last = job->n ? job->message->results[job->rcpts[job->n - 1]] : NULL;

	w->njobs--;
	for (size_t i = 0; i < w->njobs; i++)
		w->jobs[i] = w->jobs[i + 1];
	if (last)
		freeze_heard(r, d, &last->outcome);
	if (pace_heard(r, d, last ? &last->outcome : NULL) == PACE_AGAIN && !job->message->asked) {
		message_take_back(job);
		destination_put_back(r, d, job);
	} else {
		if (last)
			absent_note(job->message, d, &last->outcome);
		message_job_done(r, job);
	}
}

static void
heard_rcpt(struct runner *r, struct worker *w, struct frame_rcpt *f)
{
	struct message *m;

	if (!w->njobs)
		return;
	m = w->jobs[0]->message;
	f->path[sizeof f->path - 1] = '\0';
	message_result(m, f->rcpt, &f->outcome, true);
	if (f->outcome.kind == OUTCOME_DELIVERED)
		r->hooks->rcpt(r->ctx, m->id, slice_str(f->path), &f->outcome, f->delay_us);
}

static void
heard_moved(struct runner *r, struct frame_moved *f)
{
	f->destination[sizeof f->destination - 1] = f->host[sizeof f->host - 1] = f->reply[sizeof f->reply - 1] = '\0';
	r->hooks->moved(r->ctx, f->destination, f->host, f->reply);
}

static void
heard_done(struct runner *r, struct worker *w)
{
	if (!w->njobs)
		return;
	job_over(r, w);
	give_jobs(r, w);
}

void
runner_hear(struct runner *r, struct worker *w)
{
	static struct frame f;

	while (frame_get(w->fd, &f, false) == 1) {
		switch (f.type) {
		case FRAME_RCPT:
			heard_rcpt(r, w, &f.rcpt);
			if (f.rcpt.last)
				heard_done(r, w);
			break;
		case FRAME_HOST:
			absent_heard(r, w->destination, &f.host);
			break;
		case FRAME_DNS:
			dns_cache_put(r->resolver->cache, &f.dns);
			break;
		case FRAME_MOVED:
			heard_moved(r, &f.moved);
			break;
		case FRAME_DONE:
			heard_done(r, w);
			break;
		case FRAME_JOB:
			break;
		}
	}
}

/* Not begun, or killed by us: the next one takes it, or the next run finds it where it is; but for what an operator has
 * asked for it was begun. */
static void
hand_back(struct runner *r, struct destination *d, struct job *job)
{
	if (job->message->asked)
		message_job_done(r, job);
	else
		destination_put_back(r, d, job);
}

void
runner_reap(struct runner *r, struct worker *w, int status)
{
	struct worker **at = &r->workers;
	struct destination *d = w->destination;

	runner_hear(r, w);		/* its last words */
	if (w->njobs && !r->stopping) {		/* nobody has told it to end, so however it did */
		r->hooks->trouble(r->ctx,
		    WIFSIGNALED(status) ? "a delivery process was killed by a signal"
					: "a delivery process ended in mid-delivery",
		    w->jobs[0]->message->id, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		job_over(r, w);
	}
	while (w->njobs)
		hand_back(r, d, w->jobs[--w->njobs]);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	r->nworkers--;
	d->processes--;
	if (!w->ending)
		d->workers--;
	destination_update(r, d);
	r->hooks->ended(r->ctx, w);
	close(w->fd);
	free(w);
}

void
runner_stop(struct runner *r)
{
	r->stopping = true;
	for (struct worker *w = r->workers; w; w = w->next)
		dismiss(r, w);
}

void
runner_revive(struct runner *r)
{
	r->hosts.forgiven_s = runner_now_s();
	for (size_t i = 0; i < RUNNER_BUCKETS; i++)
		for (struct destination *d = r->destinations[i]; d; d = d->next) {
			d->dead_until_ms = 0;
			destination_update(r, d);
		}
}

void
runner_kill(struct runner *r, int signo)
{
	for (struct worker *w = r->workers; w; w = w->next)
		(void)kill(w->pid, signo);
}

void
runner_done(struct runner *r)
{
	for (size_t i = 0; i < RUNNER_BUCKETS; i++) {
		struct destination *d;
		struct job *job;

		for (d = r->destinations[i]; d; d = d->next)
			while ((job = destination_pop(r, d)))
				free(job);
		while (r->messages[i])
			message_forget(r, r->messages[i]);
	}
	destinations_done(r);
	hosts_done(&r->hosts);
	frozen_done(&r->frozen);
}
