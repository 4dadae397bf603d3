// SPDX-License-Identifier: ISC
/*
 * A worker: a forked process that delivers to one destination, message after message, as it gets
 * jobs.  A crash costs one attempt of one destination.
 */
#ifndef RUNNER_WORKER_H
#define RUNNER_WORKER_H

#include <sys/types.h>

#include "delivery/delivery.h"

/* A worker has a current job and the next one, whose commands are pipelined behind the current
 * one's.  With a spare one it need not wait for the runner after each message. */
#define WORKER_JOBS 8

/* The exit status of a worker that could not begin, as the system had no process or descriptor
 * left.  It has touched no job. */
#define WORKER_UNREADY 75

/* The exit status of a worker that could not go on after a job, as the process that signs for it
 * had died.  It has begun no other job. */
#define WORKER_SPENT 76

struct destination;
struct job;

/* A site as one worker uses it. */
struct worker_site {
	struct site *site;
	bool foreign;			/* counted as one for foreign mail */
};

/* The runner's view of a worker. */
struct worker {
	struct worker *next;
	pid_t pid;
	int fd;				/* the runner's end of the pair */
	int permits;			/* to the process that signs for it; -1: there is none */
	void *watch;			/* the watcher's own (runner.h) */
	struct destination *destination;
	int64_t begun_ms;		/* monotonic: time of its start */
	int64_t over_ms;		/* when its last job was over; 0: none was */
	unsigned count;			/* jobs it has got */
	bool doubtful;			/* started for mail that failed before */
	bool foreign;			/* its current job is foreign mail (runner/rank.h) */
	bool ending;			/* gets no further job */
	bool leaving;			/* and still has one */
	bool broken;			/* sent a bad frame: no other is taken */
	struct worker_site sites[ATTEMPT_DIALS];	/* sites that it uses */
	unsigned nsites;
	struct job *jobs[WORKER_JOBS];	/* the first is being delivered */
	unsigned njobs;			/* 0: idle */
};

struct worker_setup {
	const struct queue *queue;
	const struct config *config;
	const struct dns_resolver *resolver;
	int validator;			/* the worker's socket to it; 0: none */
	struct hosts *hosts;		/* the child's copy learns from its own attempts */
	struct aliases *aliases;	/* NULL: none */
	const struct aide *fetcher;	/* for policies of MTA-STS; NULL: none */
	const struct route *route;
	const char *destination;
};

/* Fork a worker.  It keeps none of the parent's descriptors but 0 to 2, the lock of the queue, and
 * what its way needs of the queue.  0 with pid, fd and permits in *ret, which the caller closes; or
 * -errno. */
int worker_start(const struct worker_setup *setup, struct worker *ret);

/* Pass the next frame that the worker has sent to the sink; NULL: drop it.  1: there was one; 0 or
 * -EAGAIN: there is none; -EBADMSG: it was no valid result, and is dropped; -errno. */
int worker_receive(int fd, const struct attempt_sink *sink);

#endif
