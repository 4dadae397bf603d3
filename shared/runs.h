// SPDX-License-Identifier: ISC
/*
 * The things that runs of the queue share in Redis.  Each script is one step, with the clock of
 * Redis.
 *
 * A destination with a rate has one key, "NEXT INTERVAL": the first moment that nobody has, and
 * the rate by which it was given, both in microseconds.  It expires when the moment is long past.
 *
 * Facts about hosts are in two keys: a hash of texts by address, and a sorted set of the addresses
 * by the time of the telling.  The newest fact about an address replaces the one before.
 */
#ifndef SHARED_RUNS_H
#define SHARED_RUNS_H

#include "shared/redis.h"
#include "shared/talk.h"

#define RUNS_FACTS_MAX	4096	/* in Redis; the oldest leave */
#define RUNS_NEWS	12	/* facts of one reply */
#define RUNS_FACTS_S	(7 * 86400)	/* without a telling all of them leave */

extern struct redis_script runs_moment_script, runs_tell_script, runs_news_script;

/* Add a call to the next write: for a moment (TALK_ASK), for a fact (TALK_TELL), for the news
 * since. */
void runs_ask(struct redis *r, const struct talk *question);
void runs_tell(struct redis *r, struct slice fact);
void runs_learn(struct redis *r, int64_t since);

/* Replies as a frame for the run; its text is borrowed.  False if it is none that the script
 * makes.  Without news the text is empty.  *ret_more: there are more news. */
bool runs_given(const struct redis_reply *reply, uint32_t number, struct talk *ret);
bool runs_news(const struct redis_reply *reply, struct talk *ret, bool *ret_more);

#endif
