// SPDX-License-Identifier: ISC
/*
 * The event loop of a run.  It uses the system calls themselves: a library with an event loop took
 * half of the time from the start of a run to its first work.  Events that came together are
 * handled together, so a busy run waits less often than it has events.
 */
#include "runner/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/manager.h"
#include "queue/lease.h"

#define SHUTDOWN_S 4		/* after SIGTERM, for attempts before the content's last octet */
#define DOT_S      25		/* for attempts that wait for the reply to a message */
#define OTHER_FDS  64
#define STATUS_US  1000000	/* between two lines of status */
#define EVENTS	   64		/* handled together */

/* ---- workers ---- */

/* A worker as the loop watches it. */
struct child {
	struct worker *worker;
	bool hung_up;			/* its results are not waited for any more */
};

static struct worker *
find_worker(const struct loop *l, pid_t pid)
{
	for (struct worker *w = l->runner->workers; w; w = w->next)
		if (w->pid == pid)
			return w;
	return NULL;
}

/* Reap all children that have ended.  Some are no workers: as process 1 of a container we get all
 * orphans. */
static void
reap_children(struct loop *l)
{
	struct worker *w;
	int status;
	pid_t pid;

	while (l->reap) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0 && (w = find_worker(l, pid)))
			runner_reap(l->runner, w, status);
		else if (pid <= 0 && !(pid < 0 && errno == EINTR))
			l->reap = false;
	}
}

static void
take_results(struct loop *l, struct child *c, uint32_t events)
{
	runner_receive(l->runner, c->worker);
	/* After a hang-up only the end of the process is left, which is another event. */
	if (events & (EPOLLHUP | EPOLLERR) && !c->hung_up) {
		c->hung_up = true;
		(void)epoll_ctl(l->poll, EPOLL_CTL_DEL, c->worker->fd, NULL);
	}
}

/* Let events of the descriptor come with ptr.  0 or -errno. */
static int
wait_for(const struct loop *l, int fd, void *ptr)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(l->poll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void
worker_started(void *ctx, struct worker *w)
{
	struct loop *l = ctx;
	struct child *c = calloc(1, sizeof *c);

	if (!c || wait_for(l, w->fd, c) < 0) {
		/* A worker that is not watched would never be reaped: end the run instead. */
		log_text(LOG_LEVEL_ERROR, "cannot watch a delivery process; stopping");
		(void)kill(w->pid, SIGKILL);
		exit(EX_OSERR);
	}
	c->worker = w;
	w->watch = c;
}

static void
worker_ended(void *ctx, struct worker *w)
{
	const struct loop *l = ctx;
	struct child *c = w->watch;

	/* The descriptor may still be open in a process that was just forked, so that closing it
	 * would not end its events. */
	if (!c->hung_up)
		(void)epoll_ctl(l->poll, EPOLL_CTL_DEL, w->fd, NULL);
	free(c);
}

/* ---- the end of the run ---- */

static void
on_late(void *ctx, uint32_t mask)
{
	const struct loop *l = ctx;

	(void)mask;
	runner_kill(l->runner, SIGTERM);
}

static void
on_too_late(void *ctx, uint32_t mask)
{
	const struct loop *l = ctx;

	(void)mask;
	log_text(LOG_LEVEL_WARNING,
	    "%u deliveries did not end in time and were killed; they will be tried again",
	    l->runner->nworkers);
	runner_kill(l->runner, SIGKILL);
}

/* Running attempts end in good order.  All other messages stay in cur/ for the next run. */
static void
begin_stop(struct loop *l)
{
	if (l->runner->stopping)
		return;
	runner_stop(l->runner);
	manager_notify("STOPPING=1");
	loop_set_timer(&l->late, SHUTDOWN_S * 1000000);
	loop_set_timer(&l->too_late, DOT_S * 1000000);
}

static void
take_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof info) == sizeof info)
		if (info.ssi_signo == SIGCHLD)
			l->reap = true;
		else
			begin_stop(l);
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

static int
open_signals(struct loop *l)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return l->signals < 0 ? -errno : wait_for(l, l->signals, &l->signals);
}

int
loop_open(struct loop *l)
{
	int r;

	l->signals = l->folders = -1;
	raise_descriptors((unsigned)l->runner->config->relay.processes);
	l->poll = epoll_create1(EPOLL_CLOEXEC);
	if (l->poll < 0)
		return -errno;
	r = open_signals(l);
	if (r < 0)
		return r;
	l->runner->watcher = (struct runner_watcher){ worker_started, worker_ended, l };
	loop_timer(l, &l->late, on_late);
	loop_timer(l, &l->too_late, on_too_late);
	l->late.ctx = l->too_late.ctx = l;
	l->reap = true;		/* they may have ended before */
	return 0;
}

void
loop_exit(struct loop *l, int status)
{
	l->over = true;
	l->exit_status = status;
}

void
loop_close(struct loop *l)
{
	const int fds[] = { l->poll, l->signals, l->folders };

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	l->poll = l->signals = l->folders = -1;
}

/* ---- sources ---- */

static void
add_source(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask))
{
	size_t i = 0;

	*s = (struct loop_source){ .loop = l, .happened = when, .ctx = l->ctx, .watch = -1 };
	while (i < l->nsources && l->sources[i] != s)
		i++;
	if (i == l->nsources && i < LOOP_SOURCES)
		l->sources[l->nsources++] = s;
}

static int
open_folders(struct loop *l)
{
	int r;

	if (l->folders >= 0)
		return 0;
	l->folders = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->folders < 0)
		return -errno;
	r = wait_for(l, l->folders, &l->folders);
	if (r == 0)
		return 0;
	(void)close(l->folders);
	l->folders = -1;
	return r;
}

int
loop_watch(struct loop *l, struct loop_source *s, int folder, uint32_t events,
    void (*when)(void *ctx, uint32_t mask))
{
	char path[sizeof "/proc/self/fd/" + 11];
	int r;

	add_source(l, s, when);
	r = folder < 0 ? folder : open_folders(l);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
	s->watch = inotify_add_watch(l->folders, path, events | IN_ONLYDIR);
	return s->watch < 0 ? -errno : 0;
}

int
loop_peer(struct loop *l, struct loop_source *s, int fd, void (*when)(void *ctx, uint32_t mask))
{
	*s = (struct loop_source){ .loop = l, .happened = when, .ctx = l->ctx, .watch = -1 };
	l->peer = s;
	return wait_for(l, fd, s);
}

void
loop_forget_peer(struct loop *l, int fd)
{
	(void)epoll_ctl(l->poll, EPOLL_CTL_DEL, fd, NULL);
	l->peer = NULL;
}

void
loop_timer(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask))
{
	add_source(l, s, when);
}

void
loop_set_timer(struct loop_source *s, uint64_t after_us)
{
	s->at_us = clock_us() + (int64_t)after_us;
}

bool
loop_timer_set(const struct loop_source *s)
{
	return s->at_us != 0;
}

void
loop_idle(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask))
{
	*s = (struct loop_source){ .loop = l, .happened = when, .ctx = l->ctx, .watch = -1 };
}

void
loop_set_idle(struct loop_source *s)
{
	s->loop->idle = s;
}

/* ---- events ---- */

/* Events were lost if the kernel's queue was full: any folder may have changed. */
static void
report_change(struct loop *l, const struct inotify_event *e)
{
	for (size_t i = 0; i < l->nsources; i++) {
		struct loop_source *s = l->sources[i];

		if (s->watch < 0 || (s->watch != e->wd && !(e->mask & IN_Q_OVERFLOW)))
			continue;
		if (e->mask & IN_IGNORED)
			s->watch = -1;
		s->happened(s->ctx, e->mask);
	}
}

static void
take_changes(struct loop *l)
{
	union {
		struct inotify_event first;
		char octets[4096];
	} space;
	ssize_t n;

	while ((n = read(l->folders, &space, sizeof space)) > 0)
		for (const char *p = space.octets; p < space.octets + n;) {
			const struct inotify_event *e = (const void *)p;

			report_change(l, e);
			p += sizeof *e + e->len;
		}
}

static void
run_timers(struct loop *l)
{
	const int64_t now_us = clock_us();

	for (size_t i = 0; i < l->nsources; i++) {
		struct loop_source *s = l->sources[i];

		if (s->at_us == 0 || s->at_us > now_us)
			continue;
		s->at_us = 0;
		s->happened(s->ctx, 0);
	}
}

/* Milliseconds until the first timer; 0 if there is other work; -1: for ever. */
static int
time_left(const struct loop *l)
{
	int64_t first_us = INT64_MAX, left_us;

	if (l->idle || l->reap)
		return 0;
	for (size_t i = 0; i < l->nsources; i++)
		if (l->sources[i]->at_us && l->sources[i]->at_us < first_us)
			first_us = l->sources[i]->at_us;
	if (first_us == INT64_MAX)
		return -1;
	left_us = first_us - clock_us();
	if (left_us <= 0)
		return 0;
	return left_us / 1000 < INT_MAX ? (int)(left_us / 1000) + 1 : INT_MAX;
}

/* Children are reaped behind all results: no event of a worker is left after its end. */
static void
handle_events(struct loop *l, const struct epoll_event *events, int n)
{
	struct loop_source *idle = l->idle;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &l->signals)
			take_signals(l);
		else if (events[i].data.ptr == &l->folders)
			take_changes(l);
		else if (events[i].data.ptr == l->peer)
			l->peer->happened(l->peer->ctx, 0);
		else
			take_results(l, events[i].data.ptr, events[i].events);
	}
	reap_children(l);
	run_timers(l);
	if (idle) {
		l->idle = NULL;
		idle->happened(idle->ctx, 0);
	}
}

int
loop_run(struct loop *l)
{
	struct epoll_event events[EVENTS];

	while (!l->over) {
		const int n = epoll_wait(l->poll, events, EVENTS, time_left(l));

		if (n < 0 && errno != EINTR)
			return -errno;
		/* A run that was stopped for long may have lost its queue meanwhile. */
		(void)queue_lease_check(l->runner->queue);
		handle_events(l, events, n);
		l->after(l->ctx);
	}
	return l->exit_status;
}

/* ---- the service manager ---- */

void
loop_ready(void)
{
	manager_notify("READY=1");
}

void
loop_status(struct loop *l)
{
	const struct runner *r = l->runner;
	const unsigned *count = r->reports.count;
	const int64_t now_us = clock_us();
	char text[200];

	if (now_us - l->status_us < STATUS_US && r->window.nmessages)
		return;
	l->status_us = now_us;
	(void)snprintf(text, sizeof text, "STATUS=%zu messages in memory, %u delivery processes; "
	    "so far %u delivered, %u deferred, %u failed", r->window.nmessages, r->nworkers,
	    count[OUTCOME_DELIVERED], count[OUTCOME_DEFERRED], count[OUTCOME_FAILED]);
	manager_notify(text);
}
