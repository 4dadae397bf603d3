// SPDX-License-Identifier: ISC
/*
 * A message of cur/ enters the window, and its recipients become jobs.
 */
#ifndef RUNNER_ADMIT_H
#define RUNNER_ADMIT_H

#include <stdbool.h>

struct queue_entry;
struct runner;

/* Read what admit_message() reads of a loaded message, without any effect. */
void admit_read(const struct queue_entry *e);

/* Load a message and line up its jobs, unless it is in the window already.  A message that must
 * wait is postponed; one that needs no attempt is settled.  False: the window has no room for it,
 * so it stays in cur/. */
bool admit_message(struct runner *r, const char *id);

#endif
