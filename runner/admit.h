// SPDX-License-Identifier: ISC
/*
 * Messages enter the window: their recipients become jobs.
 */
#ifndef RUNNER_ADMIT_H
#define RUNNER_ADMIT_H

#include "queue/run.h"

struct runner;

/* Line up the jobs of messages of cur/, if they are not in the window already; at most
 * QUEUE_READER_MAX.  A message that must wait is postponed, and one that is no message goes to
 * dead/.  fresh: they were never tried.  False if the window has no room for some of them, which
 * stay in cur/. */
bool admit_messages(struct runner *r, char (*ids)[QUEUE_ID_SIZE], size_t n, bool fresh);

#endif
