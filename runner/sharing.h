// SPDX-License-Identifier: ISC
/*
 * What a run shares with the runs of other machines, through a process that asks Redis
 * (smtp-shared): the moments of destinations with a rate, and facts about hosts.  Nothing here
 * waits for the process.  Without it, or while Redis does not reply, the run is on its own.
 */
#ifndef RUNNER_SHARING_H
#define RUNNER_SHARING_H

#include "config/options.h"
#include "shared/talk.h"

struct runner;

struct sharing {
	enum { SHARING_OFF, SHARING_STARTING, SHARING_HERE, SHARING_AWAY } state;
	int fd;				/* to the process; meaningless if off */
	int64_t began_us;
	bool reported;			/* the trouble is in the log */
};

/* Start the process if the configuration has something to share.  Call it when the hosts are
 * loaded, and before signals are blocked. */
void sharing_start(struct runner *r, const struct options *options);

/* Take what the process has sent.  False: it has ended, and sharing_end() must follow. */
bool sharing_receive(struct runner *r);

/* Ask for a moment.  False: the question is not sent. */
bool sharing_ask(struct runner *r, const struct talk *question);

/* No answer came in time: this run is on its own until Redis replies again. */
void sharing_miss(struct runner *r);

/* Tell others what this run has learned of hosts. */
void sharing_tell(struct runner *r);
/* Is there something to tell, and somebody? */
bool sharing_has_facts(const struct runner *r);

/* Hang up.  Redis still gets what was told. */
void sharing_end(struct runner *r);

#endif
