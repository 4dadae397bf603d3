// SPDX-License-Identifier: ISC
/*
 * What the runner and its workers say to each other: one datagram of a
 * SOCK_SEQPACKET pair a frame.  Both ends are the same process image, so frames
 * are plain structs.
 */
#ifndef RUNNER_FRAME_H
#define RUNNER_FRAME_H

#include "hosts/hosts.h"
#include "attempt/outcome.h"
#include "dns/cache.h"
#include "queue/run.h"

#define FRAME_RCPTS_MAX 1000	/* recipients of one job; a longer list becomes several jobs */

enum frame_type {
	FRAME_JOB,   /* to the worker: deliver this */
	FRAME_RCPT,  /* from it: what became of one recipient, and perhaps that the job is over */
	FRAME_HOST,  /* from it: an exchanger was measured, or more */
	FRAME_MOVED, /* from it: a destination goes by IPv4 from here on */
	FRAME_DNS,   /* from it: an answer that others may want */
	FRAME_DONE,  /* from it: the job is over, and no recipient was left to tell of */
};

struct frame_job {
	char id[QUEUE_ID_SIZE];
	uint32_t n;
	uint32_t rcpts[FRAME_RCPTS_MAX];
};

struct frame_rcpt {
	uint32_t rcpt;
	bool last;			/* the job is over */
	int64_t delay_us;		/* since the message came in */
	char path[400];
	struct outcome outcome;
};

struct frame_moved {
	char destination[256], host[300], reply[OUTCOME_DETAIL];
};

struct frame {
	enum frame_type type;
	union {
		struct frame_job job;
		struct frame_rcpt rcpt;
		struct host_report host;
		struct frame_moved moved;
		struct dns_memo dns;
	};
};

/* One frame, whole or not at all.  0 or -errno. */
int frame_put(int fd, const struct frame *f);
/* 1: a frame; 0: the other end is gone; -EAGAIN without wait; -errno. */
int frame_get(int fd, struct frame *ret, bool wait);

#endif
