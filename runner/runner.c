// SPDX-License-Identifier: ISC
/*
 * Hands jobs to workers, takes their results, and interprets the end of a worker.  Results flow up
 * from the worker through a sink; what they mean is decided in the modules below.
 */
#include "runner/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt/permit.h"
#include "base/clock.h"
#include "base/name.h"
#include "queue/aside.h"
#include "queue/by_host.h"
#include "runner/admit.h"
#include "runner/dials.h"
#include "runner/frame.h"
#include "runner/pace.h"
#include "runner/rank.h"
#include "runner/settle.h"

#define WORKERS_MEANWHILE 8	/* while new mail is taken in */
#define START_PAUSE_MS 1000	/* after a failed start, so that not every event repeats it */
/* Frames taken at once: more than the buffer of a pair holds. */
#define FRAMES_MAX     2000

/* Does a worker for this route ask the DNS? */
static bool
needs_dns(const struct route *route)
{
	struct sockaddr_storage address;
	socklen_t len;

	for (size_t i = 0; i < route->nhosts; i++)
		if (!address_parse(slice_str(route->hosts[i].name), 0, &address, &len))
			return true;
	return way_of(route->via)->by_domain;
}

/* Start the process that fetches policies of MTA-STS, before the first worker that may need it.
 * NULL: there is none. */
static const struct aide *
need_fetcher(struct runner *r, const struct route *route)
{
	int error;

	if (!r->fetch.n || !way_of(route->via)->by_domain)
		return NULL;
	if (r->has_fetcher == FETCHER_UNTRIED) {
		error = fetcher_start(&r->fetcher, &r->fetch);
		if (error < 0)
			report_trouble(
			    &r->reports, "cannot start a process for MTA-STS", "", error);
		r->has_fetcher = error < 0 ? FETCHER_FAILS : FETCHER_RUNS;
	}
	return r->has_fetcher == FETCHER_RUNS ? &r->fetcher : NULL;
}

/* A long run may see the network of this host change, or begin before there was one. */
static void
follow_resolver(struct runner *r)
{
	if (!dns_resolver_renew(r->resolver, &r->config->relay.resolver))
		return;
	dns_cache_clear(r->resolver->cache);
	if (r->validator)
		validator_renew(r->validator);
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
		.fetcher = need_fetcher(r, d->route),
		.route = d->route,
		.destination = d->name,
	};
	struct worker *w = calloc(1, sizeof *w);
	int error = 0;

	if (!w)
		return NULL;
	if (needs_dns(d->route))
		follow_resolver(r);
	if (r->validator && needs_dns(d->route))
		error = setup.validator = validator_link(r->validator);
	if (error >= 0)
		error = worker_start(&setup, w);
	if (setup.validator > 0)
		(void)close(setup.validator);
	if (error < 0) {
		report_trouble(&r->reports, "cannot start a delivery process", d->key, error);
		/* The process that reads messages may have the last place; it can begin again. */
		queue_reader_end(&r->reader);
		r->again_ms = clock_ms() + START_PAUSE_MS;
		free(w);
		return NULL;
	}
	pace_started(r, w, d);
	r->watcher.started(r->watcher.ctx, w);
	return w;
}

/* Puts a job back that no worker could get: no attempt was made. */
static void
keep_job(struct runner *r, struct destination *d, struct job *job, const char *what, int error)
{
	report_trouble(&r->reports, what, job->message->id, error);
	r->again_ms = clock_ms() + START_PAUSE_MS;
	destination_put_back(&r->destinations, d, job);
}

/* Takes the first job out of line and defers it without an attempt, if its mail rests.  Its end
 * takes longer, and has a turn. */
static bool
rest_job(struct runner *r, struct destination *d, struct job *job)
{
	const struct vain_who who = destination_who(job);
	struct outcome o;

	if (!vain_rests(d->vain, &who, clock_ms(), &o))
		return false;
	(void)destination_pop(&r->destinations, d);
	for (size_t i = 0; i < job->n; i++)
		window_result(job->message, job->rcpts[i], &o, false);
	job->next = r->resting;
	r->resting = job;
	return true;
}

/* Has the destination a job that does not rest? */
static bool
any_awake(struct runner *r, struct destination *d)
{
	struct job *job;

	if (!d->vain)
		return true;
	while ((job = destination_peek(d)) && rest_job(r, d, job))
		continue;
	return job != NULL;
}

/* The next job of a destination whose message can be opened, and its descriptor.  The recipients of
 * others are deferred.  NULL if there is none, or no descriptor is free. */
static struct job *
open_job(struct runner *r, struct destination *d, int *ret_message)
{
	struct job *job;

	while (any_awake(r, d) && (job = destination_pop(&r->destinations, d))) {
		const int message = queue_open_message(r->queue, job->message->id);

		if (message == -EMFILE || message == -ENFILE) {
			keep_job(r, d, job, "cannot open a message", message);
			return NULL;
		}
		*ret_message = message;
		if (message >= 0)
			return job;
		settle_job(r, job);
	}
	return NULL;
}

static int
send_job(const struct worker *w, const struct job *job, int message)
{
	const struct message *m = job->message;
	static struct frame f;

	f.type = FRAME_JOB;
	memcpy(f.job.id, m->id, sizeof f.job.id);
	f.job.lines = m->lines;
	f.job.n = (uint32_t)job->n;
	for (size_t i = 0; i < job->n; i++)
		f.job.at[i] = m->at[job->rcpts[i]];
	return frame_put_job(w->fd, &f, message);
}

/* Sends the process that signs for the worker the right of a message, and the message if it has
 * one.  If that fails, the message is deferred when its signature is due. */
static void
send_permit(const struct runner *r, const struct worker *w, const struct message *m)
{
	const struct dkim_right right = {
		m->sign_scope, slice_str(m->sign_domain ? m->sign_domain : "")
	};
	struct permit p;
	int fd = -1;

	if (w->permits < 0)
		return;
	permit_init(&p, m->id, right, m->content_at, m->content_size);
	if (p.scope != DKIM_NONE)
		fd = queue_open_to_read(r->queue, m->id);
	(void)permit_send(w->permits, &p, fd);
	if (fd >= 0)
		(void)close(fd);
}

/* Hands the worker the next job of its destination; false if there is none for now. */
static bool
give_job(struct runner *r, struct worker *w)
{
	int message, error;
	struct job *job = open_job(r, w->destination, &message);

	if (!job)
		return false;
	send_permit(r, w, job->message);
	error = send_job(w, job, message);
	(void)close(message);
	if (error == -EPIPE || error == -ECONNRESET) {		/* it died while it was idle */
		destination_put_back(&r->destinations, w->destination, job);
		return true;
	}
	if (error == -EAGAIN) {		/* it does not read, and must not stop the runner */
		destination_put_back(&r->destinations, w->destination, job);
		return false;
	}
	if (error < 0) {
		keep_job(r, w->destination, job, "cannot hand over a message", error);
		return false;
	}
	w->jobs[w->njobs++] = job;
	pace_job(r, w, w->jobs[0]->message->rank);
	w->count++;
	return true;
}

/* Should a worker get a second job?  Only if each worker has one in line, no further worker will
 * start, and the host is known to take mail. */
static bool
deserves_spare(const struct runner *r, const struct destination *d)
{
	return d->proven && d->waiting >= d->workers &&
	    (d->workers >= d->limit || pace_full(r, d) || !pace_worth(r, d, false));
}

static void
dismiss_worker(struct runner *r, struct worker *w)
{
	(void)shutdown(w->fd, SHUT_WR);		/* it will not begin a job that it has not begun */
	if (!w->ending)
		pace_dismissed(r, w);
}

/* Does the mail of its current job rest, as it ends sessions?  The worker may not have begun it, or
 * those behind it. */
static bool
rests_next(const struct worker *w)
{
	const struct vain *v = w->destination->vain;
	struct vain_who who;
	struct outcome o;

	if (!v || !w->njobs || !vain_ended(v))
		return false;
	who = destination_who(w->jobs[0]);
	return vain_rests(v, &who, clock_ms(), &o);
}

/* Hands the worker as many jobs as are useful, or dismisses it. */
static void
give_jobs(struct runner *r, struct worker *w)
{
	const bool once = delivery_way_of(w->destination->route)->queues;
	const bool yields = pace_yield(r, w) || (once && w->count);
	const struct destination *d = w->destination;

	if ((w->njobs == 0 && (w->ending || yields || !give_job(r, w))) ||
	    (!w->ending && (d->dead || d->workers > d->limit || rests_next(w))))
		dismiss_worker(r, w);
	while (!w->ending && !yields && !once && w->njobs && w->njobs < WORKER_JOBS &&
	    deserves_spare(r, w->destination)) {
		const unsigned had = w->njobs;

		if (!give_job(r, w) || w->njobs == had)		/* none in line, or w is dead */
			return;
	}
}

/* Only few while there is more new mail.  A destination then has all its mail before its worker
 * starts, and a worker that runs dry is not followed by another one a moment later. */
static bool
may_start(const struct runner *r)
{
	return !r->stopping && clock_ms() >= r->again_ms &&
	    (!r->taking || r->nworkers < WORKERS_MEANWHILE);
}

void
runner_dispatch(struct runner *r)
{
	struct destination *d;
	struct worker *w;

	while (may_start(r) && (d = pace_next(r))) {
		if (!any_awake(r, d))
			continue;
		w = start_worker(r, d);
		if (!w)
			return;
		give_jobs(r, w);
	}
}

static bool
has_released(const struct runner *r)
{
	return r->back.n && window_room(&r->window, false);
}

bool
runner_ready(const struct runner *r)
{
	return !r->stopping &&
	    (r->destinations.rings[RING_DEAD].levels || r->resting || has_released(r));
}

static bool
admit_one(void *ctx, const char *id)
{
	char ids[1][QUEUE_ID_SIZE];

	(void)snprintf(ids[0], sizeof ids[0], "%s", id);
	(void)admit_messages(ctx, ids, 1, true);
	return true;
}

/* Admits some of the mail that waits for a host that is back. */
static void
release_mail(struct runner *r)
{
	int error;

	if (!has_released(r))
		return;
	error = absent_release(&r->back, r->queue, admit_one, r);
	if (error < 0)
		report_trouble(&r->reports, "cannot release the mail that waits for a host", "",
		    error);
}

/* If no host of d answered, the message waits for them. */
static void
note_absence(struct message *m, const struct destination *d, const struct outcome *o)
{
	if (o->cause == CAUSE_CONNECT && d->absent)
		window_wait(m, d->absent);
}

void
runner_turn(struct runner *r)
{
	const int64_t end_us = clock_us() + RUNNER_SLICE_US;
	const struct ring_node *node;
	struct job *job;

	release_mail(r);
	while ((job = r->resting) && clock_us() < end_us) {
		r->resting = job->next;
		settle_job(r, job);
	}
	while ((node = ring_front(&r->destinations.rings[RING_DEAD], RANKS)) &&
	    clock_us() < end_us) {
		struct destination *d = node->destination;

		job = destination_pop(&r->destinations, d);
		if (!d->dead) {		/* it is alive again */
			destination_put_back(&r->destinations, d, job);
			continue;
		}
		for (size_t i = 0; i < job->n; i++)
			window_result(job->message, job->rcpts[i], d->dead, false);
		note_absence(job->message, d, d->dead);
		settle_job(r, job);
	}
}

/* Is it in vain, so that the host is not to be asked for each message? */
static bool
is_end(const struct outcome *o)
{
	return o->bar != BAR_NONE || o->cause == CAUSE_LOST || o->cause == CAUSE_PROTOCOL;
}

/* The outcome of its last recipient.  If a host has refused that one and has ended the session at
 * others, it is theirs.  NULL: none is known.  *ret_served: some got their mail. */
static const struct outcome *
job_outcome(const struct job *job, bool *ret_served)
{
	struct result *const *results = job->message->results;
	const struct outcome *end = NULL, *last = NULL;

	*ret_served = false;
	for (size_t i = 0; i < job->n; i++) {
		const struct result *result = results[job->rcpts[i]];

		last = result ? &result->outcome : NULL;
		*ret_served |= last && last->kind == OUTCOME_DELIVERED;
		if (last && is_end(last))
			end = last;
	}
	return last && last->remote && end && !*ret_served ? end : last;
}

/* Does a worker rest a sender that the others have not found refused?  It has counted for itself,
 * and would defer all its mail. */
static bool
is_outdated(const struct destination *d, const struct vain_who *who, const struct outcome *last)
{
	struct outcome o;

	return last && last->bar == BAR_RESTED && d->processes > 1 &&
	    !vain_rests(d->vain, who, clock_ms(), &o);
}

static void
job_over(struct runner *r, struct worker *w)
{
	struct destination *d = w->destination;
	struct job *job = w->jobs[0];
	struct message *m = job->message;
	struct vain_who who = destination_who(job);
	const struct outcome *last = job_outcome(job, &who.served);
	const struct frozen *frozen;

	who.begun_ms = w->over_ms ? w->over_ms : w->begun_ms;
	pace_over(w);
	w->njobs--;
	for (size_t i = 0; i < w->njobs; i++)
		w->jobs[i] = w->jobs[i + 1];
	if (w->njobs)
		pace_job(r, w, w->jobs[0]->message->rank);
	else
		pace_idle(r, w);
	if (last && frozen_update(&r->frozen, d->route, last, clock_wall_s(), &frozen))
		report_route(&r->reports, d->route, frozen);
	if (pace_update(r, d, &who, last) == PACE_AGAIN && !m->asked) {
		job->n = window_take_back(m, job->rcpts, job->n);
		if (job->n) {
			destination_put_back(&r->destinations, d, job);
			return;
		}
	}
	if (is_outdated(d, &who, last))
		dismiss_worker(r, w);
	if (last)
		note_absence(m, d, last);
	settle_job(r, job);
}

/* The worker whose results arrive. */
struct source {
	struct runner *r;
	struct worker *w;
	bool bad;			/* the frame does not fit the worker's job */
};

static void
receive_rcpt(void *ctx, const struct attempt_result *result)
{
	struct source *h = ctx;
	const struct job *job = h->w->njobs ? h->w->jobs[0] : NULL;
	struct message *m;

	h->bad = !job || result->rcpt >= job->n;
	if (h->bad)
		return;
	m = job->message;
	window_result(m, job->rcpts[result->rcpt], result->outcome, true);
	if (result->outcome->kind == OUTCOME_DELIVERED)
		report_rcpt(&h->r->reports, m->id, result->path, h->w->destination->route,
		    result->outcome, result->delay_us);
}

/* The first report of a day about a host that is learned is an event. */
static void
note_tls_lost(struct runner *r, const char *name)
{
	const struct learned *l = &r->hosts.learned;
	const int64_t now_s = clock_wall_s();
	const struct learned_host *h = learned_find(l, name, now_s);

	if (learned_is(h) && learned_counts(l, name, false, now_s))
		report_tls_lost(&r->reports, h);
}

/* Has mail waited for this host?  Without failures of the host, the fault was of this end, such as
 * its network: an earlier run may have listed that mail. */
static bool
was_awaited(const struct runner *r, const struct host *host)
{
	return host && (host->failures || queue_by_host_count(r->queue, host->address) > 0);
}

static void
receive_host(void *ctx, const struct host_report *report)
{
	const struct source *h = ctx;
	struct runner *r = h->r;
	struct destination *d = h->w->destination;
	const struct host *host = hosts_find(&r->hosts, report->address);

	if (report->event == HOST_FAILED || report->event == HOST_NOTHING) {
		absent_add(&d->absent, report->address);
	} else if (report->event == HOST_PROVEN) {
		if (was_awaited(r, host)) {
			destination_revive(&r->destinations, report->address);
			absent_is_back(&r->back, report->address);
		}
		absent_drop(&d->absent);
	}
	if (report->event == HOST_TLS_LOST)
		note_tls_lost(r, report->name);
	hosts_learn(&r->hosts, report, clock_wall_s());
}

static void
receive_moved(void *ctx, const char *destination, const char *host, const char *reply)
{
	const struct source *h = ctx;

	report_moved(&h->r->reports, destination, host, reply);
}

/* The domain is that of the worker, whatever it reports. */
static void
receive_session(void *ctx, const struct tls_result *session)
{
	const struct source *h = ctx;
	const struct destination *d = h->w->destination;

	if (h->r->config->reports.contact && way_of(d->route->via)->by_domain &&
	    name_is_domain(slice_str(d->name)))
		tls_results_add(&h->r->sessions, h->r->queue, slice_str(d->name), session,
		    clock_wall_s());
}

static void
receive_dns(void *ctx, const struct dns_memo *memo)
{
	const struct source *h = ctx;

	dns_cache_put(h->r->resolver->cache, memo);
}

static void
receive_ticket(void *ctx, const struct ticket *ticket)
{
	const struct source *h = ctx;

	tickets_put(&h->r->tickets, h->w->destination->key, ticket, clock_ms() / 1000);
}

static bool
receive_want(void *ctx, const struct ticket_kind *kind, struct ticket *ret)
{
	const struct source *h = ctx;

	return tickets_take(&h->r->tickets, h->w->destination->key, kind, clock_ms() / 1000, ret);
}

static void
receive_done(void *ctx)
{
	struct source *h = ctx;

	h->bad |= !h->w->njobs;
	if (h->bad)
		return;
	job_over(h->r, h->w);
	give_jobs(h->r, h->w);
}

/* Puts back a job that was not begun, or whose worker we killed.  If an operator filed a request
 * for its message, the job ends instead. */
static void
hand_back(struct runner *r, struct destination *d, struct job *job)
{
	if (job->message->asked)
		settle_job(r, job);
	else
		destination_put_back(&r->destinations, d, job);
}

/* Takes back the jobs of a worker that does not go on with the first of them.  Recipients of that
 * one may have a result already. */
static void
take_back(struct runner *r, struct worker *w)
{
	struct destination *d = w->destination;

	while (w->njobs) {
		struct job *job = w->jobs[--w->njobs];

		if (w->njobs == 0)
			job->n = window_take_back(job->message, job->rcpts, job->n);
		if (job->n)
			hand_back(r, d, job);
		else
			settle_job(r, job);
	}
}

static uint32_t
receive_dial(void *ctx, const uint64_t *sites, size_t n)
{
	struct source *h = ctx;
	uint32_t allowed;

	h->bad |= !h->w->njobs;
	if (h->bad || h->w->ending)
		return 0;
	allowed = dials_allow(h->r, h->w, sites, n);
	if (!allowed) {
		take_back(h->r, h->w);
		dismiss_worker(h->r, h->w);
	}
	return allowed;
}

static void
receive_dialled(void *ctx, uint64_t site)
{
	const struct source *h = ctx;

	dials_settle(h->r, h->w, site);
}

/* Nothing from this worker can be believed.  Its death ends its job, which counts as tried. */
static void
stop_broken(struct runner *r, struct worker *w)
{
	w->broken = true;
	report_trouble(&r->reports,
	    "a delivery process sent something that is no result, and was killed; its job counts "
	    "as tried", w->njobs ? w->jobs[0]->message->id : "", 0);
	(void)kill(w->pid, SIGKILL);
}

void
runner_receive(struct runner *r, struct worker *w)
{
	struct source source = { .r = r, .w = w };
	const struct attempt_sink sink = {
		.rcpt = receive_rcpt, .host = receive_host, .moved = receive_moved,
		.session = receive_session, .dns = receive_dns, .dial = receive_dial,
		.dialled = receive_dialled, .ticket = receive_ticket, .want = receive_want,
		.done = receive_done, .ctx = &source,
	};

	for (int i = 0; i < FRAMES_MAX; i++) {
		const int got = worker_receive(w->fd, w->broken ? NULL : &sink);

		if (got <= 0 && got != -EBADMSG)
			break;
		if ((got == -EBADMSG || source.bad) && !w->broken)
			stop_broken(r, w);
	}
}

/* Reports and counts the death of a worker during a job.  The third one of a message is its last:
 * the message may be what kills them. */
static void
note_death(struct runner *r, const struct worker *w, int status)
{
	struct message *m = w->jobs[0]->message;
	const char *what = WIFSIGNALED(status) ? "a delivery process was killed by a signal"
					       : "a delivery process ended during a delivery";
	char text[100];
	int deaths;

	if (!w->broken)
		report_trouble(&r->reports, what, m->id,
		    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (w->broken)
		(void)snprintf(text, sizeof text, "a delivery process sent what is no result");
	else if (WIFSIGNALED(status))
		(void)snprintf(text, sizeof text, "a delivery process was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(text, sizeof text, "%s", what);
	r->deaths = true;
	deaths = queue_death(r->queue, m->id, text);
	if (deaths < 0)
		report_trouble(&r->reports, "cannot count a death in state/deaths", m->id, deaths);
	else
		m->deaths = deaths;
}

void
runner_reap(struct runner *r, struct worker *w, int status)
{
	const bool unready = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_UNREADY;
	const bool spent = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_SPENT &&
	    w->njobs < w->count;
	/* It was dismissed, and has begun none of these, or may open no further session. */
	const bool left = w->ending && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	struct destination *d = w->destination;

	runner_receive(r, w);		/* its last results */
	if (unready) {
		report_trouble(&r->reports, "cannot start a delivery process", d->key, -EAGAIN);
		r->again_ms = clock_ms() + START_PAUSE_MS;
	} else if (w->njobs && !r->stopping && !spent && !left) {
		note_death(r, w, status);
		w->jobs[0]->cut = true;
		job_over(r, w);
	}
	take_back(r, w);
	pace_ended(r, w);
	r->watcher.ended(r->watcher.ctx, w);
	close(w->fd);
	if (w->permits >= 0)
		(void)close(w->permits);
	free(w);
}

void
runner_stop(struct runner *r)
{
	r->stopping = true;
	for (struct worker *w = r->workers; w; w = w->next)
		dismiss_worker(r, w);
}

void
runner_revive(struct runner *r)
{
	hosts_forgive(&r->hosts, clock_wall_s());
	for (struct worker *w = r->workers; w; w = w->next)
		if (w->destination->vain)	/* it has counted for itself, too */
			dismiss_worker(r, w);
	destination_revive(&r->destinations, NULL);
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
	struct job *resting;

	while ((resting = r->resting)) {
		r->resting = resting->next;
		free(resting);
	}
	turns_done(&r->turns);
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = r->destinations.buckets[i]; d; d = d->next) {
			struct job *job;

			while ((job = destination_pop(&r->destinations, d)))
				free(job);
		}
	for (size_t i = 0; i < WINDOW_BUCKETS; i++)
		while (r->window.buckets[i])
			window_forget(&r->window, r->window.buckets[i]);
	queue_reader_end(&r->reader);
	if (r->has_fetcher == FETCHER_RUNS)
		aide_end(&r->fetcher);
	tls_results_done(&r->sessions);
	destination_done(&r->destinations);
	hosts_done(&r->hosts);
	frozen_done(&r->frozen);
	rates_done(&r->rates);
	tickets_done(&r->tickets);
}
