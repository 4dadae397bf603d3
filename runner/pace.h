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

/* Learn from the outcome of a job's last recipient; NULL: none is known.  who: those of the job. */
enum pace pace_update(struct runner *r, struct destination *d, const struct vain_who *who,
    const struct outcome *o);
/* The worker, which has a process, is for this destination from now on. */
void pace_started(struct runner *r, struct worker *w, struct destination *d);
/* A job of the worker is over. */
void pace_over(struct worker *w);
/* Its current job is of that rank. */
void pace_job(struct runner *r, struct worker *w, unsigned rank);
/* It has no job now. */
void pace_idle(struct runner *r, struct worker *w);
/* The worker gets no further job. */
void pace_dismissed(struct runner *r, struct worker *w);
/* The worker's process has ended. */
void pace_ended(struct runner *r, struct worker *w);

/* The destination that gets the next worker; NULL: none for now. */
struct destination *pace_next(struct runner *r);
/* May no further worker start for the destination, whatever its limit is? */
bool pace_full(const struct runner *r, const struct destination *d);
/* Is one more worker for a destination that has answered worth its start?  others: there are
 * destinations that have no worker yet. */
bool pace_worth(const struct runner *r, const struct destination *d, bool others);
/* Should this worker end, because its place is of more use to another destination? */
bool pace_yield(const struct runner *r, const struct worker *w);

#endif
