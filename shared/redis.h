// SPDX-License-Identifier: ISC
/*
 * A connection to Redis, and scripts that run there, each call as one step.  libhiredis writes
 * commands and reads replies; all waits are here, and each has a deadline.
 */
#ifndef SHARED_REDIS_H
#define SHARED_REDIS_H

#include "base/buf.h"
#include "config/redis.h"

#define REDIS_BATCH	    64		/* calls in one write */
#define REDIS_SCRIPTS_MAX   4
#define REDIS_ARGUMENTS_MAX 32		/* of a call */
#define REDIS_ITEMS_MAX	    32		/* of a reply */
#define REDIS_TEXT_MAX	    4096	/* octets of all texts of a reply */

struct redis_script {
	const char *text;
	char sha[41];			/* by which Redis knows it, after redis_open() */
};

struct redis {
	const struct redis_place *place;
	const char *user, *password, *prefix;	/* user and prefix may be NULL, password too */
	struct redis_script *scripts[REDIS_SCRIPTS_MAX];	/* NULL behind the last */
	int fd;				/* -1: no connection */
	struct redisReader *reader;
	struct buf out;			/* commands that are not written yet */
	char why[256];			/* the reason of the last error */
};

/* A reply of a script: what it returns, or the members of a table that it returns. */
struct redis_reply {
	size_t n;
	struct redis_item {
		bool is_text;
		int64_t number;
		struct slice text;	/* in the room of the reply; may have NUL */
	} items[REDIS_ITEMS_MAX];
	char room[REDIS_TEXT_MAX];
};

/* Connect, log in, load the scripts, and write a key.  0 or -errno with why. */
int redis_open(struct redis *r, int64_t until_ms);
void redis_close(struct redis *r);

/* Add a call of a script to the next write.  Its key gets the prefix.  If there is no room for the
 * call, redis_flush() fails. */
void redis_add(struct redis *r, const struct redis_script *script, struct slice key,
    const struct slice *arguments, size_t n);

/* Write what was added.  0 or -errno with why. */
int redis_flush(struct redis *r, int64_t until_ms);

/* The reply to the next call that was written.  0 or -errno with why. */
int redis_take(struct redis *r, int64_t until_ms, struct redis_reply *ret);

/* The last reply is none that the script makes: set why.  Returns -EPROTO. */
int redis_refuse(struct redis *r);

#endif
