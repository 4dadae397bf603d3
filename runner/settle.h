// SPDX-License-Identifier: ISC
/*
 * The end of a run for one message: notices to its sender, and the folder its file goes to.
 */
#ifndef RUNNER_SETTLE_H
#define RUNNER_SETTLE_H

#include "runner/destination.h"

struct runner;
struct sheet;

/* A job is done; frees it.  Recipients without a result are deferred as local trouble.  After its
 * last job the message is settled. */
void settle_job(struct runner *r, struct job *job);

/* All jobs of a message are done: send notices, move its file, and remove it from the window.
 * s: what is known of it, or NULL. */
void settle_message(struct runner *r, struct message *m, struct sheet *s);

#endif
