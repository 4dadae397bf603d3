// SPDX-License-Identifier: ISC
/*
 * The process beside a run of the queue.
 */
#ifndef SHARED_SERVE_RUN_H
#define SHARED_SERVE_RUN_H

#include "shared/redis.h"

/* Ask Redis for the run at the other end of fd, until that hangs up.  r is set up, with the scripts
 * of shared/runs.h, and has no connection. */
void serve_run(struct redis *r, int fd);

#endif
