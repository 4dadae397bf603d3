// SPDX-License-Identifier: ISC
/*
 * The event loop, with what every runner watches: its workers, what they say and their end, and the signals that tell it
 * to stop.  A part of the main.
 */
#ifndef RUNNER_LOOP_H
#define RUNNER_LOOP_H

#include <systemd/sd-event.h>

#include "runner/runner.h"

struct loop {
	struct runner *runner;
	void (*after)(void *ctx);	/* something has happened */
	void *ctx;			/* of the handlers, too */

	sd_event *event;
	struct child *children;		/* its own */
	int64_t told_us;
};

/* Signals are blocked from here on; workers unblock them.  0 or -errno. */
int loop_open(struct loop *l);
/* An exit status, when it was told to end (sd_event_exit), or -errno. */
int loop_run(struct loop *l);
void loop_close(struct loop *l);

/* For the runner's hooks: a worker has started; it is about to be forgotten. */
void loop_add_worker(struct loop *l, struct worker *w, pid_t pid, int fd);
void loop_drop_worker(struct loop *l, const struct worker *w);

/* Names that come into a folder: IN_CREATE, IN_MOVED_TO.  -errno in place of a descriptor is handed on. */
int loop_watch(struct loop *l, int folder, uint32_t events, sd_event_inotify_handler_t handler);
/* A timer that is not set yet. */
int loop_timer(struct loop *l, sd_event_source **ret, sd_event_time_handler_t handler);
void loop_set_timer(sd_event_source *timer, uint64_t after_us);

/* Tell the service manager how far we are, now and then.  count: recipients so far, by enum outcome_kind. */
void loop_tell(struct loop *l, const unsigned *count);

#endif
