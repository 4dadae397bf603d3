// SPDX-License-Identifier: ISC
/*
 * sd-event as the runner needs it: each worker's socket and pid, folders, timers, and the end after SIGTERM.  Decides nothing
 * about mail: what it sees goes to the scheduler.  Called by relay.c.
 */
#include "runner/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"

#define SHUTDOWN_S 4		/* for running deliveries to end after SIGTERM; */
#define OTHER_FDS  64
#define TELL_US    1000000	/* between two lines of status */
#define DOT_S      25		/* for those that wait for the reply to a message */

struct child {
	struct child *next;
	struct loop *loop;
	struct worker *worker;
	sd_event_source *words, *end;
};

static int
on_words(sd_event_source *s, int fd, uint32_t events, void *ctx)
{
	struct child *c = ctx;
	struct loop *l = c->loop;

	(void)fd;
	runner_hear(l->runner, c->worker);
	/* Hung up: only its end is left to wait for, and that comes by pid. */
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
	bool killed = info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;

	(void)s;
	/* As wait(2) would say it. */
	runner_reap(l->runner, c->worker, killed ? info->si_status : W_EXITCODE(info->si_status, 0));
	l->after(l->ctx);
	return 0;
}

void
loop_add_worker(struct loop *l, struct worker *w, pid_t pid, int fd)
{
	struct child *c = calloc(1, sizeof *c);

	if (!c || sd_event_add_io(l->event, &c->words, fd, EPOLLIN, on_words, c) < 0 ||
	    sd_event_add_child(l->event, &c->end, pid, WEXITED, on_end, c) < 0) {
		/* A worker nobody watches would never be reaped; better no runner than that. */
		log_text(LOG_LEVEL_ERROR, "cannot watch a delivery process; stopping");
		(void)kill(pid, SIGKILL);
		exit(EX_OSERR);
	}
	c->loop = l;
	c->worker = w;
	c->next = l->children;
	l->children = c;
}

void
loop_drop_worker(struct loop *l, const struct worker *w)
{
	struct child **at = &l->children, *c;

	while (*at && (*at)->worker != w)
		at = &(*at)->next;
	if (!(c = *at))
		return;
	*at = c->next;
	sd_event_source_disable_unref(c->words);
	sd_event_source_disable_unref(c->end);
	free(c);
}

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
	log_text(LOG_LEVEL_WARNING, "%u deliveries did not end in time: killed, they will be tried again",
	    l->runner->nworkers);
	runner_kill(l->runner, SIGKILL);
	return 0;
}

/* Running deliveries end in good order; everything else stays in cur/, where the next run finds it. */
static int
on_stop(sd_event_source *s, const struct signalfd_siginfo *info, void *ctx)
{
	struct loop *l = ctx;

	(void)s;
	(void)info;
	if (!l->runner->stopping) {
		runner_stop(l->runner);
		(void)sd_notify(0, "STOPPING=1");
		(void)sd_event_add_time_relative(l->event, NULL, CLOCK_MONOTONIC, SHUTDOWN_S * 1000000ull, 0, on_late, l);
		(void)sd_event_add_time_relative(l->event, NULL, CLOCK_MONOTONIC, DOT_S * 1000000ull, 0, on_too_late, l);
	}
	l->after(l->ctx);
	return 0;
}

/* Two for each worker. */
static void
raise_descriptors(unsigned workers)
{
	const rlim_t wanted = 2 * (rlim_t)workers + OTHER_FDS;
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
	/* sd_event_add_child wants SIGCHLD blocked, the signal sources theirs. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((error = sd_event_new(&l->event)) < 0 ||
	    (error = sd_event_add_signal(l->event, NULL, SIGTERM, on_stop, l)) < 0 ||
	    (error = sd_event_add_signal(l->event, NULL, SIGINT, on_stop, l)) < 0)
		return error;
	return 0;
}

int
loop_run(struct loop *l)
{
	return sd_event_loop(l->event);
}

void
loop_close(struct loop *l)
{
	l->event = sd_event_unref(l->event);
}

int
loop_watch(struct loop *l, int folder, uint32_t events, sd_event_inotify_handler_t handler)
{
	return folder < 0 ? folder : sd_event_add_inotify_fd(l->event, NULL, folder, events | IN_ONLYDIR, handler, l->ctx);
}

int
loop_timer(struct loop *l, sd_event_source **ret, sd_event_time_handler_t handler)
{
	int error = sd_event_add_time(l->event, ret, CLOCK_MONOTONIC, UINT64_MAX, 0, handler, l->ctx);

	return error < 0 ? error : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

void
loop_set_timer(sd_event_source *timer, uint64_t after_us)
{
	(void)sd_event_source_set_time_relative(timer, after_us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void
loop_tell(struct loop *l, const unsigned *count)
{
	const struct runner *r = l->runner;
	const int64_t now_us = clock_us();

	if (now_us - l->told_us < TELL_US && r->nmessages)
		return;
	l->told_us = now_us;
	(void)sd_notifyf(0, "STATUS=%zu messages in hand, %u delivery processes; so far %u delivered, %u deferred, %u failed",
	    r->nmessages, r->nworkers, count[OUTCOME_DELIVERED], count[OUTCOME_DEFERRED], count[OUTCOME_FAILED]);
}
