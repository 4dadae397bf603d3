// SPDX-License-Identifier: ISC
/*
 * The reports of DMARC about the days that are over.
 */
#ifndef REPORTS_DAILY_H
#define REPORTS_DAILY_H

#include "config/config.h"
#include "dns/resolver.h"
#include "queue/run.h"

struct daily {
	const struct config *config;
	const struct dns_resolver *resolver;
	const struct queue *queue;
	int findings;			/* the folder of smtp-verify; -1: there is none */
	int sessions;			/* state/sessions; -1: there is none */
	int sent;			/* state/reports */
	bool list;			/* print only, and queue nothing */
	unsigned silent;		/* failures of the DNS, one behind the other */
};

/* Make the reports about the last days that are not made yet, and print a line for each.  0;
 * -EAGAIN if the DNS fails: a later run makes the rest; -errno. */
int daily_run(struct daily *d, int64_t now_s);

/* The DNS does not answer about a domain.  0: go on with others; -EAGAIN: it answers about nothing.
 * Names of a stranger that have no server must not end a run. */
int daily_silent(struct daily *d);

#endif
