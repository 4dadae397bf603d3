// SPDX-License-Identifier: ISC
/*
 * From the queue's folders into the window of the runner: some at a time, new mail first.  A part of the main: it logs.
 */
#ifndef RUNNER_INTAKE_H
#define RUNNER_INTAKE_H

#include "runner/runner.h"

struct intake {
	struct runner *runner;
	/* Look there, from the start: something may have come. */
	bool look_new;
	bool look_cur;			/* for what is not in the window: left by a run that was cut off, or by a full window */
	bool look_wait;
	int64_t now_s;			/* what is due is due by then */
	bool new_stays;			/* something could not be taken out of new/: whoever sees that starts us again at once */

	/* The rest is its own. */
	struct queue_walk new_walk, cur_walk, wait_walk;
	int64_t end_us;
};

/* Is there something to look for, and room for what is found? */
bool intake_ready(const struct intake *i);
/* Take some of it. */
void intake_turn(struct intake *i);
/* Nothing is left to look for. */
bool intake_over(const struct intake *i);
void intake_done(struct intake *i);

/* Complete messages whose handler is gone come back from tmp/. */
void intake_recover(const struct queue *q);
/* All that waits is due now. */
void intake_flush(const struct queue *q);
/* --flush beside a runner, which stays perhaps: what waits is its to deliver, but now.  An exit status. */
int intake_hand_over(const struct queue *q);

#endif
