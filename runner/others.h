// SPDX-License-Identifier: ISC
/*
 * The runs of other machines: this one shares the moments of destinations with a rate with them,
 * and facts about hosts, through Redis.  No delivery waits for that.  Without Redis the run is on
 * its own.
 */
#ifndef RUNNER_OTHERS_H
#define RUNNER_OTHERS_H

#include "runner/loop.h"

struct others {
	struct runner *runner;
	struct loop_source answers;	/* of the process that asks Redis */
	struct loop_source late, tell;	/* timers */
};

/* Start the process if there is something to share.  Call it when the hosts are loaded, and before
 * signals are blocked. */
void others_start(struct others *o, struct runner *r, const struct options *options);

/* Watch the process. */
void others_watch(struct others *o, struct loop *l);

/* Set the timers, after events. */
void others_go_on(struct others *o);

/* Tell the rest of the news about hosts. */
void others_tell(struct others *o);

/* Hang up, when no job is left. */
void others_end(struct others *o);

#endif
