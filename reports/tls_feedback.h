// SPDX-License-Identifier: ISC
/*
 * The JSON of a report about TLS (RFC 8460 section 4.4).
 */
#ifndef REPORTS_TLS_FEEDBACK_H
#define REPORTS_TLS_FEEDBACK_H

#include "reports/gzip.h"
#include "reports/tls_sums.h"

#define TLS_FEEDBACK_FAILURES 1000	/* kinds of failures that are told apart */

struct tls_feedback {
	const char *organization, *contact;
	struct slice id;
	int64_t begin_s, end_s;			/* the first and the last second */
	const struct tls_result_line *rows;	/* of one domain, at least one */
	size_t n;
};

/* Write a report.  Errors stick to g. */
void tls_feedback_write(const struct tls_feedback *f, struct gzip *g);

#endif
