// SPDX-License-Identifier: ISC
/*
 * The workers of a runner under test, watched by poll(2) instead of an event loop.
 */
#ifndef TESTS_LIB_WORKERS_H
#define TESTS_LIB_WORKERS_H

#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "runner/runner.h"

#define WORKERS_MAX 64

static struct worker *started[WORKERS_MAX];
static size_t nstarted;

/* Functions of a runner's watcher. */
static void
workers_started(void *ctx, struct worker *w)
{
	(void)ctx;
	if (nstarted == WORKERS_MAX)
		abort();
	started[nstarted++] = w;
}

static void
workers_ended(void *ctx, struct worker *w)
{
	(void)ctx;
	for (size_t i = 0; i < nstarted; i++)
		if (started[i] == w) {
			started[i] = started[--nstarted];
			return;
		}
}

/*
 * Take the results of the workers for timeout_ms, then reap those that have ended; well: as if they
 * had ended with status 0.
 */
static void
workers_turn(struct runner *r, int timeout_ms, bool well)
{
	struct pollfd p[WORKERS_MAX];
	size_t n = nstarted;
	int status;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = started[i]->fd, .events = POLLIN };
	(void)poll(p, (nfds_t)n, timeout_ms);
	for (size_t i = 0; i < nstarted; i++)
		runner_receive(r, started[i]);
	for (size_t i = 0; i < nstarted; i++)
		if (waitpid(started[i]->pid, &status, WNOHANG) == started[i]->pid)
			runner_reap(r, started[i--], well ? 0 : status);
}

#endif
