// SPDX-License-Identifier: ISC
/*
 * The workers in the event loop: what they say, and their end.  A part of the main.
 */
#ifndef RUNNER_CHILDREN_H
#define RUNNER_CHILDREN_H

#include <systemd/sd-event.h>

#include "runner/runner.h"

struct children {
	sd_event *loop;
	struct runner *runner;
	void (*after)(void *ctx);	/* something was heard of one of them */
	void *ctx;
	struct child *list;		/* its own */
};

/* For the runner's hooks: one has started; one is about to be forgotten. */
void children_add(struct children *c, struct worker *w, pid_t pid, int fd);
void children_drop(struct children *c, const struct worker *w);

#endif
