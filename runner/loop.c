// SPDX-License-Identifier: ISC
/*
 * The event loop of a run, built on sd-event.
 */
#include "runner/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/log.h"

#define SHUTDOWN_S 4		/* after SIGTERM, for attempts before the content's last octet */
#define DOT_S      25		/* for attempts that wait for the reply to a message */
#define OTHER_FDS  64
#define STATUS_US  1000000	/* between two lines of status */

/* ---- workers ---- */

static bool
is_worker(const struct loop *l, pid_t pid)
{
	for (const struct worker *w = l->runner->workers; w; w = w->next)
		if (w->pid == pid)
			return true;
	return false;
}

/* Reap children that nobody watches: as process 1 of a container we get all orphans.  A worker that
 * has ended hides those behind it until its own event. */
static int
on_other_events(sd_event_source *s, void *ctx)
{
	struct loop *l = ctx;
	siginfo_t info = { .si_pid = 0 };

	(void)s;
	while (l->reap) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			l->reap = false;
		else if (is_worker(l, info.si_pid))
			break;
		else
			(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
	return 0;
}

static int
on_child(sd_event_source *s, const struct signalfd_siginfo *info, void *ctx)
{
	struct loop *l = ctx;

	(void)s;
	(void)info;
	l->reap = true;
	return 0;
}

/* The event sources of one worker. */
struct child {
	struct loop *loop;
	struct worker *worker;
	sd_event_source *results, *end;
};

static int
on_results(sd_event_source *s, int fd, uint32_t events, void *ctx)
{
	struct child *c = ctx;
	struct loop *l = c->loop;

	(void)fd;
	runner_receive(l->runner, c->worker);
	/* After a hang-up only the end of the process is left, which is another event. */
	if (events & (EPOLLHUP | EPOLLERR))
		(void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
	l->after(l->ctx);
	return 0;
}

static int
on_end(sd_event_source *s, const siginfo_t *info, void *ctx)
{
	struct child *c = ctx;
	struct loop *l = c->loop;
	const bool killed = info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;
	/* The status of the child, as wait(2) returns it. */
	const int status = killed ? info->si_status : W_EXITCODE(info->si_status, 0);

	(void)s;
	runner_reap(l->runner, c->worker, status);
	l->after(l->ctx);
	return 0;
}

static void
worker_started(void *ctx, struct worker *w)
{
	struct loop *l = ctx;
	struct child *c = calloc(1, sizeof *c);

	if (!c || sd_event_add_io(l->event, &c->results, w->fd, EPOLLIN, on_results, c) < 0 ||
	    sd_event_add_child(l->event, &c->end, w->pid, WEXITED, on_end, c) < 0) {
		/* A worker that is not watched would never be reaped: end the run instead. */
		log_text(LOG_LEVEL_ERROR, "cannot watch a delivery process; stopping");
		(void)kill(w->pid, SIGKILL);
		exit(EX_OSERR);
	}
	c->loop = l;
	c->worker = w;
	w->watch = c;
}

static void
worker_ended(void *ctx, struct worker *w)
{
	struct child *c = w->watch;

	(void)ctx;
	sd_event_source_disable_unref(c->results);
	sd_event_source_disable_unref(c->end);
	free(c);
}

/* ---- the end of the run ---- */

static int
on_late(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct loop *l = ctx;

	(void)s;
	(void)usec;
	runner_kill(l->runner, SIGTERM);
	return 0;
}

static int
on_too_late(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct loop *l = ctx;

	(void)s;
	(void)usec;
	log_text(LOG_LEVEL_WARNING,
	    "%u deliveries did not end in time and were killed; they will be tried again",
	    l->runner->nworkers);
	runner_kill(l->runner, SIGKILL);
	return 0;
}

/* Running attempts end in good order.  All other messages stay in cur/ for the next run. */
static int
on_stop(sd_event_source *s, const struct signalfd_siginfo *info, void *ctx)
{
	struct loop *l = ctx;

	(void)s;
	(void)info;
	if (!l->runner->stopping) {
		runner_stop(l->runner);
		(void)sd_notify(0, "STOPPING=1");
		(void)sd_event_add_time_relative(l->event, NULL, CLOCK_MONOTONIC,
		    SHUTDOWN_S * 1000000ull, 0, on_late, l);
		(void)sd_event_add_time_relative(l->event, NULL, CLOCK_MONOTONIC,
		    DOT_S * 1000000ull, 0, on_too_late, l);
	}
	l->after(l->ctx);
	return 0;
}

/* Raises the limit of descriptors: each worker takes two, and messages on their way to it count,
 * too. */
static void
raise_descriptors(unsigned workers)
{
	const rlim_t wanted = (2 + WORKER_JOBS) * (rlim_t)workers + OTHER_FDS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
loop_open(struct loop *l)
{
	sigset_t set;
	int error;

	raise_descriptors((unsigned)l->runner->config->relay.processes);
	/* sd-event requires that these signals are blocked. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	l->runner->watcher = (struct runner_watcher){ worker_started, worker_ended, l };
	if ((error = sd_event_new(&l->event)) < 0 ||
	    (error = sd_event_add_signal(l->event, NULL, SIGTERM, on_stop, l)) < 0 ||
	    (error = sd_event_add_signal(l->event, NULL, SIGINT, on_stop, l)) < 0 ||
	    (error = sd_event_add_signal(l->event, NULL, SIGCHLD, on_child, l)) < 0 ||
	    (error = sd_event_add_post(l->event, NULL, on_other_events, l)) < 0)
		return error;
	l->reap = true;		/* they may have ended before */
	return 0;
}

int
loop_run(struct loop *l)
{
	return sd_event_loop(l->event);
}

void
loop_exit(struct loop *l, int status)
{
	(void)sd_event_exit(l->event, status);
}

void
loop_close(struct loop *l)
{
	l->event = sd_event_unref(l->event);
}

/* ---- sources ---- */

static void
source_happened(struct loop_source *s, uint32_t mask)
{
	s->happened(s->loop->ctx, mask);
	s->loop->after(s->loop->ctx);
}

static int
on_folder(sd_event_source *source, const struct inotify_event *event, void *ctx)
{
	(void)source;
	source_happened(ctx, event->mask);
	return 0;
}

static int
on_time(sd_event_source *source, uint64_t usec, void *ctx)
{
	(void)source;
	(void)usec;
	source_happened(ctx, 0);
	return 0;
}

static int
on_idle(sd_event_source *source, void *ctx)
{
	(void)source;
	source_happened(ctx, 0);
	return 0;
}

int
loop_watch(struct loop *l, struct loop_source *s, int folder, uint32_t events,
    void (*when)(void *ctx, uint32_t mask))
{
	*s = (struct loop_source){ .loop = l, .happened = when };
	if (folder < 0)
		return folder;
	return sd_event_add_inotify_fd(l->event, NULL, folder, events | IN_ONLYDIR, on_folder, s);
}

int
loop_timer(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask))
{
	int error;

	*s = (struct loop_source){ .loop = l, .happened = when };
	error = sd_event_add_time(l->event, &s->source, CLOCK_MONOTONIC, UINT64_MAX, 0, on_time, s);
	return error < 0 ? error : sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
}

void
loop_set_timer(struct loop_source *s, uint64_t after_us)
{
	(void)sd_event_source_set_time_relative(s->source, after_us);
	(void)sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
}

bool
loop_timer_set(const struct loop_source *s)
{
	return sd_event_source_get_enabled(s->source, NULL) != 0;
}

int
loop_idle(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask))
{
	*s = (struct loop_source){ .loop = l, .happened = when };
	return sd_event_add_defer(l->event, &s->source, on_idle, s);
}

void
loop_set_idle(struct loop_source *s)
{
	(void)sd_event_source_set_enabled(s->source, SD_EVENT_ONESHOT);
}

/* ---- the service manager ---- */

void
loop_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void
loop_status(struct loop *l)
{
	const struct runner *r = l->runner;
	const unsigned *count = r->reports.count;
	const int64_t now_us = clock_us();

	if (now_us - l->status_us < STATUS_US && r->window.nmessages)
		return;
	l->status_us = now_us;
	(void)sd_notifyf(0, "STATUS=%zu messages in memory, %u delivery processes; "
	    "so far %u delivered, %u deferred, %u failed", r->window.nmessages, r->nworkers,
	    count[OUTCOME_DELIVERED], count[OUTCOME_DEFERRED], count[OUTCOME_FAILED]);
}
