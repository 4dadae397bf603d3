// SPDX-License-Identifier: ISC
/*
 * A message of cur/ enters the window, and its recipients become jobs.
 */
#ifndef RUNNER_ADMIT_H
#define RUNNER_ADMIT_H

struct runner;

/* Load a message and line up its jobs, unless it is in the window already.  A message that must
 * wait is postponed; one that needs no attempt is settled. */
void admit_message(struct runner *r, const char *id);

#endif
