// SPDX-License-Identifier: ISC
/*
 * The XML of an aggregate report of DMARC (RFC 9990 section 3.1.1, Appendix A).
 */
#ifndef REPORTS_FEEDBACK_H
#define REPORTS_FEEDBACK_H

#include "auth/dmarc.h"
#include "reports/gzip.h"
#include "reports/sums.h"

struct feedback {
	const char *organization, *contact, *generator;
	struct slice id;
	struct slice domain;		/* of the policy */
	struct dmarc_record record;
	int64_t begin_s, end_s;		/* the first and the last second */
	const struct sums_row *rows;	/* of this domain */
	size_t n;
};

/* Write a report.  Errors stick to g. */
void feedback_write(const struct feedback *f, struct gzip *g);

/* The messages that a report is about. */
uint64_t feedback_messages(const struct feedback *f);

#endif
