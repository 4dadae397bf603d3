// SPDX-License-Identifier: ISC
/*
 * Later processes know what one process of a connection has asked the DNS.  But such a process
 * reads what strangers send, so nobody believes its answers: it gives away the questions alone.  A
 * process beside the listener, which sees no mail, asks them again, and its answers are kept.
 */
#ifndef VERIFY_LEARNER_H
#define VERIFY_LEARNER_H

#include "base/aide.h"
#include "config/config.h"
#include "dns/cache.h"

struct learner {
	struct dns_cache *cache;	/* what is known; NULL: nothing is kept */
	int questions, out;		/* the ends of the listener and of processes */
	const struct config *config;	/* borrowed */
	struct aide aide;		/* fd -1: there is no process */
	int64_t begun_ms;
};

/* Prepare.  0 or -errno. */
int learner_open(struct learner *l, const struct config *c);

/* Give questions to the process beside; it is started if it is not there. */
void learner_pass(struct learner *l);

/* Keep its answers. */
void learner_take(struct learner *l);

/* Has this child, which has ended, been that process? */
bool learner_ended(struct learner *l, pid_t pid);

/* In the process of a connection: give questions away from now on, and close the rest. */
void learner_join(struct learner *l);

#endif
