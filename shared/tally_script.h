// SPDX-License-Identifier: ISC
/*
 * The counts of users in Redis, by the algorithm of session/quota.c, with the clock of Redis.
 *
 * A user has one key for an hour and one for a time of its own, each a hash: `at` is the
 * millisecond when the time began, n1 to n3 are counts, and p1 to p3 exist if a limit is passed.
 * The name is the end of the key, so that it can be none of another kind.
 */
#ifndef SHARED_TALLY_SCRIPT_H
#define SHARED_TALLY_SCRIPT_H

#include "shared/redis.h"
#include "shared/tally.h"

extern struct redis_script tally_script;

/* Add a query to the next write. */
void tally_ask(struct redis *r, const struct tally_query *q);

/* False if the reply is no result. */
bool tally_counted(const struct redis_reply *reply, enum tally_result *ret);

#endif
