// SPDX-License-Identifier: ISC
/*
 * A connection to Redis, and the script that keeps the limits of a client there.  libhiredis writes
 * commands and reads replies; all waits are here, and each has a deadline.
 */
#ifndef SHARED_REDIS_H
#define SHARED_REDIS_H

#include "base/buf.h"
#include "config/redis.h"
#include "shared/query.h"

#define REDIS_BATCH	 64		/* queries in one write */
#define REDIS_LEASE_MS	 60000		/* connections that nobody renews count so long */

struct redis {
	const struct redis_place *place;
	const char *user, *password, *prefix;	/* user and prefix may be NULL, password too */
	char id[17];			/* of this process among those that write to a key */
	int fd;				/* -1: no connection */
	struct redisReader *reader;
	struct buf out;			/* commands that are not written yet */
	char sha[41];			/* of the script */
	char why[256];			/* the reason of the last error */
};

/* Connect, log in, and load the script.  0 or -errno with why. */
int redis_open(struct redis *r, int64_t until_ms);
void redis_close(struct redis *r);

/* Add a query of a client to the next write. */
void redis_add(struct redis *r, const struct query *q);

/* Write what was added.  0 or -errno with why. */
int redis_flush(struct redis *r, int64_t until_ms);

/* The answer to the next query that was written: the limit that is passed, or none.  0 or -errno
 * with why. */
int redis_take(struct redis *r, int64_t until_ms, enum strangers_limit *ret);

#endif
