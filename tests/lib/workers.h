// SPDX-License-Identifier: ISC
/*
 * The workers of a scheduler under test, watched by poll(2) in place of relay.c's event loop.
 */
#ifndef TESTS_WORKERS_H
#define TESTS_WORKERS_H

#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "runner/runner.h"

#define WORKERS_MAX 64

static struct {
	struct worker *worker;
	pid_t pid;
	int fd;
} started[WORKERS_MAX];
static size_t nstarted;

/* For the hooks of that name. */
static void
workers_started(struct worker *w, pid_t pid, int fd)
{
	if (nstarted == WORKERS_MAX)
		abort();
	started[nstarted].worker = w;
	started[nstarted].pid = pid;
	started[nstarted++].fd = fd;
}

static void
workers_ended(void *ctx, struct worker *w)
{
	(void)ctx;
	for (size_t i = 0; i < nstarted; i++)
		if (started[i].worker == w) {
			started[i] = started[--nstarted];
			return;
		}
}

/* Hear what they say within so many milliseconds, and reap those that have ended; well: as if with 0, whatever it was. */
static void
workers_turn(struct runner *r, int timeout_ms, bool well)
{
	struct pollfd p[WORKERS_MAX];
	size_t n = nstarted;
	int status;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = started[i].fd, .events = POLLIN };
	(void)poll(p, (nfds_t)n, timeout_ms);
	for (size_t i = 0; i < nstarted; i++)
		runner_hear(r, started[i].worker);
	for (size_t i = 0; i < nstarted; i++)
		if (waitpid(started[i].pid, &status, WNOHANG) == started[i].pid)
			runner_reap(r, started[i--].worker, well ? 0 : status);
}

#endif
