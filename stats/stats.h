// SPDX-License-Identifier: ISC
/*
 * Counters that outlive the processes that count.  A file of a fixed size is mapped into each of
 * these processes, and each adds to it atomically.  One file is for sessions, one for runs.  The
 * table in stats/table.c has a row for each family of counters; the place of a counter in the file
 * never changes.
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_MAGIC    "smtp-handler counts 1\n"
#define STATS_FAMILIES 32
#define STATS_VALUES   64	/* counters of a family */
/* The last counters of a family. */
#define STATS_OTHER    63	/* a value that the table does not have */
#define STATS_SUM      62	/* of a histogram: microseconds */
#define STATS_ROUTES   64
#define STATS_ROUTE    96	/* octets of a route's name, with its NUL */

/* Families: up to STATS_RUNS_FIRST in the file of sessions, then in the file of runs.  A new one
 * goes to the end of its part. */
enum stats_family {
	STATS_SESSIONS,			/* by their end */
	STATS_SESSION_TLS,		/* by version */
	STATS_SESSION_TIME,
	STATS_ACCEPTED,			/* messages, by the standing of the client */
	STATS_ACCEPTED_RCPTS,
	STATS_ACCEPTED_OCTETS,
	STATS_REFUSED_SENDER,		/* by reason */
	STATS_REFUSED_RCPT,
	STATS_REFUSED_CONTENT,
	STATS_REFUSED_LOGIN,
	STATS_REFUSED_CLIENT,
	STATS_LOGINS,			/* that were accepted */
	STATS_RUNS_FIRST = 16,
	STATS_RUNS = STATS_RUNS_FIRST,
	STATS_CAUSES,			/* outcomes of recipients, by cause */
	STATS_ENDS,			/* of messages in a run */
	STATS_NOTICES,
	STATS_DELIVERY_TLS,
	STATS_DELAY,			/* from arrival to delivery */
	STATS_DNS,			/* phases of an attempt that delivered */
	STATS_CONNECT,
	STATS_SEND,
	STATS_TROUBLES,
	STATS_END
};

/* Outcomes of a route's recipients. */
enum stats_outcome { STATS_DELIVERED, STATS_DEFERRED, STATS_FAILED, STATS_OUTCOMES };

struct stats_route {
	char name[STATS_ROUTE];
	uint64_t counts[STATS_OUTCOMES + 1];	/* the last one is free */
};

struct stats_file {
	char magic[64];
	uint64_t counts[STATS_FAMILIES][STATS_VALUES];
	struct stats_route routes[STATS_ROUTES];	/* of runs; the last one is for others */
};

/* Labels of a family. */
struct stats_row {
	const char *name;		/* of the metric; families can share it */
	const char *fixed;		/* a label that all counters have, such as command="mail" */
	const char *label;		/* the label that distinguishes them; NULL: one counter */
	const char *const *values;	/* of that label, up to NULL; a histogram has none */
	const char *help;
	bool histogram;
};

extern const struct stats_row stats_table[STATS_END];
/* Upper bounds of a histogram, in microseconds; a last counter is for all above. */
#define STATS_BOUNDS 14
extern const int64_t stats_bounds_us[STATS_BOUNDS];

/* Map an open file of this size, from now on for this process and its children.  If the file
 * shrinks later, its counts are lost, and nothing else.  0 or -errno. */
int stats_map(int fd);
/* The child that this process is about to fork must not reach the counters. */
void stats_keep_from_children(void);

/* Add n to a counter.  Without a file, or for a value that is too great, nothing is counted. */
void stats_add(enum stats_family family, unsigned value, uint64_t n);
/* Add 1 to the counter of a word of the table, or to STATS_OTHER. */
void stats_add_word(enum stats_family family, const char *word);
/* Add a time to a histogram. */
void stats_time(enum stats_family family, int64_t us);
/* Add 1 to a counter of a route.  Only one process at a time may do so in a file. */
void stats_add_route(const char *name, enum stats_outcome outcome);

/* Check and copy a file that another user may have written.  False if it is none. */
bool stats_read(int fd, struct stats_file *ret);

#endif
