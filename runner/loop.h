// SPDX-License-Identifier: ISC
/*
 * The event loop of a run: it watches the workers, the signals that stop the run, folders and
 * timers.  It logs, and decides nothing about mail.
 */
#ifndef RUNNER_LOOP_H
#define RUNNER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/runner.h"

#define LOOP_SOURCES 16		/* folders and timers */

/* Something to wait for: a folder, a time, or a free moment. */
struct loop_source {
	struct loop *loop;
	void (*happened)(
	    void *ctx, uint32_t mask); /* mask: of a folder, as in inotify(7); else 0 */
	void *ctx;
	int watch;			/* of a folder; -1: none */
	int64_t at_us;			/* of a timer, monotonic; 0: not set */
};

struct loop {
	struct runner *runner;
	void (*after)(void *ctx);	/* after events */
	void *ctx;			/* the context of `after` and of all sources */

	/* The rest is its own. */
	int poll, signals, folders;	/* epoll, signalfd and inotify; -1: not open */
	struct loop_source *sources[LOOP_SOURCES];
	size_t nsources;
	struct loop_source late, too_late;	/* timers of the shutdown */
	struct loop_source *peer;	/* a descriptor; NULL: none */
	struct loop_source *idle;	/* work for the next free moment; NULL: none */
	int64_t status_us;		/* time of the last status */
	bool reap;			/* a child may have ended */
	bool over;
	int exit_status;
};

/* Open the loop for its runner and become the runner's watcher.  It blocks signals, which workers
 * unblock.  0 or -errno. */
int loop_open(struct loop *l);
/* Run until loop_exit().  Its exit status, or -errno. */
int loop_run(struct loop *l);
void loop_exit(struct loop *l, int status);
void loop_close(struct loop *l);

/* Watch a folder for these events of inotify(7).  folder < 0: it is an error, which is returned.
 * 0 or -errno. */
int loop_watch(struct loop *l, struct loop_source *s, int folder, uint32_t events,
    void (*when)(void *ctx, uint32_t mask));

/* Watch a descriptor, besides those of workers; there may be one.  0 or -errno. */
int loop_peer(struct loop *l, struct loop_source *s, int fd,
    void (*when)(void *ctx, uint32_t mask));
/* It is watched no more: it is about to be closed. */
void loop_forget_peer(struct loop *l, int fd);

/* Add a timer that is not set yet. */
void loop_timer(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask));
/* Let the timer expire once, after after_us. */
void loop_set_timer(struct loop_source *s, uint64_t after_us);
/* Is the timer set? */
bool loop_timer_set(const struct loop_source *s);

/* Add work for the moments between events. */
void loop_idle(struct loop *l, struct loop_source *s, void (*when)(void *ctx, uint32_t mask));
/* Run this work once, when the loop is idle. */
void loop_set_idle(struct loop_source *s);

/* Notify the service manager that the run has begun. */
void loop_ready(void);
/* Report the state of the run to the service manager, at most once a second. */
void loop_status(struct loop *l);

#endif
