// SPDX-License-Identifier: ISC
/*
 * The history of this machine's mail: once an hour a run appends its counters and the latencies of
 * hosts to the text file state/history.  Its length is limited.  It is safe to delete, and mail
 * never depends on it.
 */
#ifndef RUNNER_HISTORY_H
#define RUNNER_HISTORY_H

#include "attempt/outcome.h"
#include "hosts/hosts.h"
#include "queue.h"
#include "runner/counted.h"

#define HISTORY_OCTETS_MAX (4 << 20)	/* a longer file loses its older half */
#define HISTORY_HOSTS 50		/* of an hour: those measured last */

/* One line of the file. */
struct history_line {
	int64_t at_s;			/* unix seconds */
	bool of_host;			/* else of the counters */
	/* Counters since the queue was made. */
	uint64_t sums[COUNTED_SUMS];
	uint64_t causes[CAUSE_COUNT];
	/* A host, as it was measured last. */
	char name[sizeof((struct host *)0)->name];
	char address[HOST_KEY];
	int64_t connect_us, first_us;
	unsigned failures;
};

/* Append the lines of an hour, if nothing was appended in this hour yet.  The common case is one
 * system call. */
void history_note(const struct queue *q, const struct hosts *hosts, int64_t now_s);

/* Parse a line without its LF.  False if it is damaged. */
bool history_parse(struct slice line, struct history_line *ret);

/* Call each() for every line of the file, the oldest first.  0 or -errno; -ENOENT: no file yet. */
int history_read(int state_fd, void (*each)(void *ctx, const struct history_line *line), void *ctx);

#endif
