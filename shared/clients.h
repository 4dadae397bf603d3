// SPDX-License-Identifier: ISC
/*
 * The limits of clients in Redis.  A script runs for each query, as one step.  It is the algorithm
 * of strangers/, with the clock of Redis.
 *
 * A client has one key, a hash: `at` is the time for which the levels hold, 1 to 4 are the levels,
 * and oID is "CONNECTIONS UNTIL" of one listener.  The key expires when nothing in it counts.
 */
#ifndef SHARED_CLIENTS_H
#define SHARED_CLIENTS_H

#include "shared/query.h"
#include "shared/redis.h"

#define CLIENTS_LEASE_MS 60000		/* connections that nobody renews count so long */

extern struct redis_script clients_script;

/* Add a query to the next write.  id is this process among those that write to a key. */
void clients_ask(struct redis *r, const char *id, const struct query *q);

/* The limit that is passed, or none.  False if the reply is no verdict. */
bool clients_verdict(const struct redis_reply *reply, enum strangers_limit *ret);

#endif
