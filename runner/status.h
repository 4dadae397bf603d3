// SPDX-License-Identifier: ISC
/*
 * The state of a run for people who watch it: the busiest destinations, in the small text file
 * state/destinations.  The run writes it once a second while it has workers; nothing reads it but
 * smtp-queue.
 */
#ifndef RUNNER_STATUS_H
#define RUNNER_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define STATUS_LINES 100	/* destinations in the file */
#define STATUS_NAME  128
#define STATUS_WHY   160
#define STATUS_MAX_S 5		/* an older file is of a run that stands still, or is over */

struct runner;

struct status_line {
	uint64_t waiting, workers, limit;	/* jobs without a worker; workers; most of them */
	char state[12];			/* "local", "proven", "trying", "dead" */
	char name[STATUS_NAME];		/* cut */
	char why[STATUS_WHY];		/* the cause of "dead", cut; else empty */
};

struct status {
	int64_t at_s;			/* unix seconds */
	uint64_t workers, messages, recipients, destinations;
	struct status_line lines[STATUS_LINES];	/* the most work first */
	size_t n;
};

/* The present state of a run. */
void status_gather(const struct runner *r, int64_t now_s, struct status *ret);
/* Write the file.  0 or -errno. */
int status_write(const struct status *s, int state_fd);

/* Parse the text of the file.  False if it is none; damaged lines are dropped. */
bool status_parse(struct slice text, struct status *ret);
/* Read the file.  False if there is none, or if it is not of the last STATUS_MAX_S seconds. */
bool status_read(int state_fd, int64_t now_s, struct status *ret);

#endif
