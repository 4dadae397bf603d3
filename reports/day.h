// SPDX-License-Identifier: ISC
/*
 * Common to the reports of all kinds: the days that they are about, our name in them, and what a
 * run knows.
 */
#ifndef REPORTS_DAY_H
#define REPORTS_DAY_H

#include "base/day.h"
#include "config/config.h"
#include "dns/resolver.h"
#include "queue/run.h"
#include "reports/sent.h"

struct daily {
	const struct config *config;
	const struct dns_resolver *resolver;
	const struct queue *queue;
	int findings;			/* the folder of smtp-verify; -1: there is none */
	int sessions;			/* state/sessions; -1: there is none */
	int sent;			/* state/reports */
	bool list;			/* print only, and queue nothing */
	unsigned silent;		/* failures of the DNS, one behind the other */
	int64_t asked_ms;		/* monotonic: when the questions about a domain began */
	int64_t silent_ms;		/* what questions without an answer have taken so far */
};

struct report_day {
	char name[DAY_NAME];
	int64_t begin_s;
	struct slice text;		/* its file */
	struct sent sent;
};

/* A kind of report. */
struct report_kind {
	const char *prefix;		/* of the names of its files in state/reports */
	size_t most;			/* octets that are read of a day's file */
	/* Make the reports about a day.  0; -EAGAIN if the DNS fails; -errno. */
	int (*make)(struct daily *d, struct report_day *day);
};

/* Call make() for each of the last days, the first one first, that has a file in the folder.  0, or
 * what make() returned; -EBUSY if another process makes the same reports; -errno. */
int day_each(struct daily *d, int folder, const struct report_kind *kind, int64_t now_s);

/* The questions about a domain begin: for how long, in milliseconds.  It is less if those without
 * an answer have taken much of the run: thousands of silent domains must not end it. */
int day_ask(struct daily *d);

/* The DNS does not answer about this domain.  0: go on with others; -EAGAIN: it answers nothing.
 * Names of a stranger that have no server must not end a run. */
int day_silent(struct daily *d);

/* Our name in reports: that of the host, or the domain of the contact. */
const char *day_submitter(const struct config *c);

#endif
