// SPDX-License-Identifier: ISC
/*
 * Pace: how many workers a destination may have, and which destination gets the next worker.
 */
#ifndef RUNNER_PACE_H
#define RUNNER_PACE_H

#include "runner/destination.h"
#include "runner/worker.h"

struct runner;

enum pace {
	PACE_ON,
	PACE_AGAIN,	/* the host had too many of our connections: not counted as an attempt */
};

/* Learn from the outcome of a job's last recipient; NULL: none is known. */
enum pace pace_update(struct runner *r, struct destination *d, const struct outcome *o);
/* The destination that gets the next worker; NULL: none for now. */
struct destination *pace_next(struct runner *r);
/* Should this worker end, because its place is of more use to another destination? */
bool pace_yield(const struct runner *r, const struct worker *w);

#endif
