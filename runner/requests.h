// SPDX-License-Identifier: ISC
/*
 * Requests of an operator to a living runner: hold, delete or fail a message of cur/.
 */
#ifndef RUNNER_REQUESTS_H
#define RUNNER_REQUESTS_H

struct runner;

/* Serve all requests in the queue.  A message that a worker has is served when it is settled. */
void requests_serve(struct runner *r);

#endif
