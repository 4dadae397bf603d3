// SPDX-License-Identifier: ISC
/*
 * Sessions with exchangers of a day, in the order of a report: by domain, by policy, by what went
 * wrong (RFC 8460 section 4.4).
 */
#ifndef REPORTS_TLS_SUMS_H
#define REPORTS_TLS_SUMS_H

#include "policy/tls_result.h"

struct tls_sums {
	struct tls_result_line *rows;	/* sorted; those of equal failures are side by side */
	size_t n;
	uint64_t bad;			/* lines that are none */
};

/* Read the lines of a text, which is borrowed until tls_sums_done().  0 or -ENOMEM. */
int tls_sums_read(struct tls_sums *s, struct slice text);

/* The number of rows at the start, of n, that have the domain of the first. */
size_t tls_sums_domain(const struct tls_result_line *rows, size_t n);

/* The same with its domain and its policy. */
size_t tls_sums_policy(const struct tls_result_line *rows, size_t n);

/* The same with its domain, its policy and its failure. */
size_t tls_sums_failure(const struct tls_result_line *rows, size_t n);

void tls_sums_done(struct tls_sums *s);

#endif
