// SPDX-License-Identifier: ISC
/*
 * Rates of destinations ([route] rate).  Each message for a destination gets a moment, a fixed
 * interval behind the one before it.  A message whose moment has not come is postponed: the moment
 * is in the note in its log, so it is kept if the runner dies.  The next free moment of each
 * destination is a line of state/rates.
 */
#ifndef RUNNER_RATES_H
#define RUNNER_RATES_H

#include "attempt/outcome.h"
#include "base/slice.h"

#define RATES_MAX     10000	/* destinations with a moment in the future */
#define RATES_BUCKETS 1024
#define RATES_GRACE_S 10	/* a message that is later than this gets a new moment */
#define RATES_WAIT_S  60	/* for a place in a full table */
#define RATES_FAR_S   (60 * 86400)	/* a later moment was made by a clock that was wrong */

struct rates {
	int state_fd;			/* borrowed */
	struct rate *buckets[RATES_BUCKETS];
	size_t n;
	int64_t saved_us;
	bool changed;			/* since the file was written */
};

/* Read the file.  Damaged lines and moments of the past are dropped. */
void rates_load(struct rates *r, int state_fd, int64_t now_us);
/* Write the file if it is not current. */
void rates_save(struct rates *r, int64_t now_us);
/* Free the table; the file stays. */
void rates_done(struct rates *r);

/* May a message go to the destination of this key now?  moment_s: the one that it was given, or 0.
 * 0: now.  Otherwise the time from which it may go. */
int64_t rates_ask(struct rates *r, struct slice key, uint64_t interval_us, int64_t moment_s,
    int64_t now_us);

/* The outcome of a recipient that waits for its moment. */
void rates_outcome(int64_t moment_s, struct outcome *ret);
/* The moment in the last note about a recipient, without its path; 0: there is none. */
int64_t rates_moment_s(struct slice note);

#endif
