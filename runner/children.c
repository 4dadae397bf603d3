// SPDX-License-Identifier: ISC
/*
 * Watches each worker's socket and its pid.  Decides nothing: what it sees goes to the scheduler.  Called by relay.c.
 */
#include "runner/children.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/log.h"

struct child {
	struct child *next;
	struct children *all;
	struct worker *worker;
	sd_event_source *words, *end;
};

static int
on_words(sd_event_source *s, int fd, uint32_t events, void *ctx)
{
	struct child *c = ctx;
	struct children *all = c->all;

	(void)fd;
	runner_hear(all->runner, c->worker);
	/* Hung up: only its end is left to wait for, and that comes by pid. */
	if (events & (EPOLLHUP | EPOLLERR))
		(void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
	all->after(all->ctx);
	return 0;
}

static int
on_end(sd_event_source *s, const siginfo_t *info, void *ctx)
{
	struct child *c = ctx;
	struct children *all = c->all;
	bool killed = info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;

	(void)s;
	/* As wait(2) would say it. */
	runner_reap(all->runner, c->worker, killed ? info->si_status : W_EXITCODE(info->si_status, 0));
	all->after(all->ctx);
	return 0;
}

void
children_add(struct children *all, struct worker *w, pid_t pid, int fd)
{
	struct child *c = calloc(1, sizeof *c);

	if (!c || sd_event_add_io(all->loop, &c->words, fd, EPOLLIN, on_words, c) < 0 ||
	    sd_event_add_child(all->loop, &c->end, pid, WEXITED, on_end, c) < 0) {
		/* A worker nobody watches would never be reaped; better no runner than that. */
		log_text(LOG_LEVEL_ERROR, "cannot watch a delivery process; stopping");
		(void)kill(pid, SIGKILL);
		exit(EX_OSERR);
	}
	c->all = all;
	c->worker = w;
	c->next = all->list;
	all->list = c;
}

void
children_drop(struct children *all, const struct worker *w)
{
	struct child **at = &all->list, *c;

	while (*at && (*at)->worker != w)
		at = &(*at)->next;
	if (!(c = *at))
		return;
	*at = c->next;
	sd_event_source_disable_unref(c->words);
	sd_event_source_disable_unref(c->end);
	free(c);
}
