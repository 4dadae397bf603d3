// SPDX-License-Identifier: ISC
/*
 * A worker: a forked process that delivers to one destination, one message after
 * the other, as the runner hands them out.  Whatever kills it costs one attempt of
 * one destination.
 */
#ifndef RUNNER_WORKER_H
#define RUNNER_WORKER_H

#include "delivery/delivery.h"

struct worker_setup {
	const struct queue *queue;
	const struct config *config;
	const struct dns_resolver *resolver;
	struct hosts *hosts;		/* the child's copy learns what the child sees */
	struct aliases *aliases;	/* the worker's own from the fork on; NULL: none */
	const struct route *route;
	const char *destination;
};

/* Fork one.  before(ctx) runs in the child, to close what is the parent's alone.  0
 * with its pid and the runner's end of the pair (the caller's to close), or -errno. */
int worker_start(const struct worker_setup *setup, void (*before)(void *ctx), void *ctx,
    pid_t *ret_pid, int *ret_fd);

#endif
