// SPDX-License-Identifier: ISC
/*
 * The files of counters in the queue's folders.
 */
#ifndef QUEUE_COUNTS_H
#define QUEUE_COUNTS_H

#include "queue.h"

#define QUEUE_STATS "stats"	/* the folder of the sessions' counters */
/* The counters of a handler of another user: the relay's group may read them. */
#define QUEUE_COUNTED_MODE 0640

/* Open stats/sessions below the queue's own folder.  If it is missing, it is made in folder, unless
 * that is negative.  handing: the folder is another user's.  A descriptor or -errno. */
int queue_counts_of_sessions(int root, int folder, bool handing);

/* Open state/counts, and make it if it is missing.  A descriptor or -errno. */
int queue_counts_of_runs(int state);

/* Open the counters of sessions, or else those of runs, for reading.  A descriptor or -errno. */
int queue_counts_look(const struct queue *q, bool sessions);

#endif
