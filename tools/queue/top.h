// SPDX-License-Identifier: ISC
/*
 * The page of smtp-queue top: what it shows, and how it fits rows and columns.
 */
#ifndef TOOLS_QUEUE_TOP_H
#define TOOLS_QUEUE_TOP_H

#include "runner/frozen.h"
#include "runner/status.h"
#include "runner/counted.h"
#include "tools/queue/sample.h"
#include "tools/queue/tool.h"

#define TOP_MOMENTS 32			/* one each two seconds: a minute */

/* The counters at a time. */
struct top_moment {
	int64_t at_us;			/* clock_us() */
	uint64_t sums[COUNTED_SUMS];
};

struct top {
	const struct tool *tool;
	int64_t now_s;
	struct top_moment moments[TOP_MOMENTS];	/* the newest last */
	size_t nmoments;
	bool lives;			/* a runner is at work */
	bool status_read, counted, sampled;	/* is the part below there? */
	struct status status;
	struct tally_counts counts;
	struct sample sample;
};

/* Write a page of at most that many rows (0: as many as it takes) and columns. */
void top_page(FILE *out, const struct top *t, size_t rows, size_t columns);

#endif
