// SPDX-License-Identifier: ISC
/*
 * Findings of a day, counted: lines that differ in their times only are one row.  The text is that
 * of another user, so each line is checked (auth/finding.h).
 */
#ifndef REPORTS_SUMS_H
#define REPORTS_SUMS_H

#include "auth/finding.h"

#define SUMS_ROWS_MAX 500000

struct sums_row {
	struct slice policy;		/* the domain of its policy */
	struct slice line;		/* the first one */
	uint64_t count;
};

struct sums {
	struct sums_row *rows;		/* sorted by policy */
	size_t n, cap;
	uint32_t *table;		/* numbers of rows from 1; 0: none */
	uint64_t bad;			/* lines that are none */
	uint64_t dropped;		/* messages beyond SUMS_ROWS_MAX */
};

/* Count the lines of a text, which is borrowed until sums_done().  0 or -ENOMEM. */
int sums_count(struct sums *t, struct slice text);

/* The rows of one policy that begin at row i: their number. */
size_t sums_group(const struct sums *t, size_t i);

void sums_done(struct sums *t);

#endif
