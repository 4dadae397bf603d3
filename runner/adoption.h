// SPDX-License-Identifier: ISC
/*
 * The machine of a queue: its lease, and how another machine adopts a queue or gives it back
 * (queue/lease.h).  Each function logs its errors.
 */
#ifndef RUNNER_ADOPTION_H
#define RUNNER_ADOPTION_H

#include "config/config.h"
#include "queue/run.h"

struct adoption {
	const char *adopt;		/* the queue of another machine; NULL: our own */
	bool take_back;			/* our own, after another machine had it */
	bool fenced;			/* the operator says that the holder cannot write */
};

/* Check the options, and put the folder of an adopted queue into c.  -1, or an exit status. */
int adoption_prepare(const struct adoption *a, struct config *c);

/* The runner's lock is busy.  Is that another machine's runner, and shall its lease be taken? */
bool adoption_wants(const struct adoption *a, const struct queue *q);

/* Take the lease, and then the lock in spite of that runner.  -1, or an exit status. */
int adoption_force(const struct adoption *a, const struct config *c, struct queue *q);

/* The caller has the runner's lock: take or join the lease, if the queue has one.  The process ends
 * when the lease is lost later.  -1, or an exit status. */
int adoption_hold(const struct adoption *a, const struct config *c, struct queue *q);

/* The home of an adopted queue may take it back. */
void adoption_release(const struct config *c, const struct queue *q);

#endif
