// SPDX-License-Identifier: ISC
/*
 * From the queue's folders into the window of the runner.  A part of the main: it logs.
 */
#ifndef RUNNER_INTAKE_H
#define RUNNER_INTAKE_H

#include "runner/runner.h"

/* Complete messages whose handler is gone come back from tmp/. */
void intake_recover(const struct queue *q);

/* What is new, and what of wait/ is due. */
void intake_due(struct runner *r, bool everything);

/* Messages of cur/ that are not in the window yet: left by a run that was cut off, or by a full window. */
void intake_rest(struct runner *r);

/* --flush beside a runner, which stays perhaps: what waits is its to deliver, but now.  An exit status. */
int intake_hand_over(const struct queue *q);

#endif
