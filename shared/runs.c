// SPDX-License-Identifier: ISC
/*
 * Times in them are whole microseconds, which are exact in a double.
 */
#include "shared/runs.h"

#include <inttypes.h>
#include <stdio.h>

#define LATE_US	   10000000	/* a run may take a moment of so long ago */
#define FAR_US	   1728000000000	/* 20 days: no run takes a later moment */
#define STRING(x)  #x
#define NUMBER(x)  STRING(x)
#define ARGUMENT_MAX 24

/* KEYS: the destination.  ARGV: the interval; how long ago a moment may be; the time from now to
 * the first that may be free.  Returns the time from now to the moment.  A key of another type or
 * form is replaced. */
struct redis_script runs_moment_script = { .text =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local step, grace, own = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "local had = redis.pcall('GET', KEYS[1])\n"
    "if type(had) == 'table' then\n"
    "  if not string.find(had.err, 'WRONGTYPE', 1, true) then return had end\n"
    "  had = nil\n"
    "end\n"
    "local free, of = string.match(had or '', '^(%d+) (%d+)$')\n"
    "free = tonumber(free or 0)\n"
    "if free > now + " NUMBER(FAR_US) " then free = 0 end\n"
    /* After a change of the rate, moments far ahead are not kept. */
    "if tonumber(of) ~= step then free = math.min(free, now + step) end\n"
    "local at = math.max(free, now - grace, now + own)\n"
    "local left = math.max(1, math.ceil((at + step + " NUMBER(LATE_US) " - now) / 1000))\n"
    "redis.call('SET', KEYS[1], string.format('%.0f %.0f', at + step, step), 'PX',\n"
    "  string.format('%.0f', left))\n"
    "return at - now\n" };

/* KEYS: the facts.  ARGV: the address; the fact; the most facts; the milliseconds they stay.  Keys
 * of another type are replaced. */
struct redis_script runs_tell_script = { .text =
    "local t = redis.call('TIME')\n"
    "local when, now = KEYS[1] .. ':when', t[1] * 1000000 + t[2]\n"
    "local last = redis.pcall('ZRANGE', when, -1, -1, 'WITHSCORES')\n"
    "local known = redis.pcall('HGET', KEYS[1], ARGV[1])\n"
    "for _, had in ipairs({ last, known or nil }) do\n"
    "  if type(had) == 'table' and had.err then\n"
    "    if not string.find(had.err, 'WRONGTYPE', 1, true) then return had end\n"
    "    redis.call('DEL', KEYS[1], when)\n"
    "    last = {}\n"
    "  end\n"
    "end\n"
    /* No two have the same time, so a reader knows which it has. */
    "if last[2] then now = math.max(now, tonumber(last[2]) + 1) end\n"
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])\n"
    "redis.call('ZADD', when, string.format('%.0f', now), ARGV[1])\n"
    "local n = redis.call('ZCARD', when) - tonumber(ARGV[3])\n"
    "if n > 0 then\n"
    "  for _, old in ipairs(redis.call('ZRANGE', when, 0, n - 1)) do\n"
    "    redis.call('HDEL', KEYS[1], old)\n"
    "    redis.call('ZREM', when, old)\n"
    "  end\n"
    "end\n"
    "redis.call('PEXPIRE', KEYS[1], ARGV[4])\n"
    "redis.call('PEXPIRE', when, ARGV[4])\n"
    "return 0\n" };

/* KEYS: the facts.  ARGV: the time of the last one that is known; the most facts.  Returns the time
 * of the last one; whether there may be more; and lines: the seconds since it was told, the fact.
 * A time of the future is not of this Redis: all facts are news then. */
struct redis_script runs_news_script = { .text =
    "local t = redis.call('TIME')\n"
    "local when, now = KEYS[1] .. ':when', t[1] * 1000000 + t[2]\n"
    "local upto, most, lines = tonumber(ARGV[1]), tonumber(ARGV[2]), ''\n"
    "if upto > now + 60000000 then upto = 0 end\n"
    "local found = redis.pcall('ZRANGEBYSCORE', when, '(' .. string.format('%.0f', upto), '+inf',\n"
    "  'WITHSCORES', 'LIMIT', 0, most)\n"
    "if found.err and not string.find(found.err, 'WRONGTYPE', 1, true) then return found end\n"
    "for i = 1, #found, 2 do\n"
    "  local fact, told = redis.pcall('HGET', KEYS[1], found[i]), tonumber(found[i + 1])\n"
    "  upto = told\n"
    "  if type(fact) == 'string' and #fact <= " NUMBER(TALK_FACT_MAX) " then\n"
    "    local age = math.max(0, math.ceil((now - told) / 1000000))\n"
    "    lines = lines .. string.format('%.0f ', age) .. fact .. '\\n'\n"
    "  end\n"
    "end\n"
    "return { upto, #found == 2 * most and 1 or 0, lines }\n" };

static const struct slice facts_key = S("hosts");

static struct slice
write_number(char space[ARGUMENT_MAX], int64_t v)
{
	(void)snprintf(space, ARGUMENT_MAX, "%" PRId64, v);
	return slice_str(space);
}

void
runs_ask(struct redis *r, const struct talk *question)
{
	char space[TALK_NAME_MAX + 8], numbers[3][ARGUMENT_MAX];
	struct buf key = BUF(space);
	const struct slice words[] = {
		write_number(numbers[0], question->interval_us),
		write_number(numbers[1], question->grace_us),
		write_number(numbers[2], question->free_us),
	};

	buf_str(&key, "rate:");
	buf_add(&key, question->text);
	redis_add(r, &runs_moment_script, buf_slice(&key), words, 3);
}

void
runs_tell(struct redis *r, struct slice fact)
{
	char numbers[2][ARGUMENT_MAX];
	struct slice rest;
	const struct slice words[] = {
		slice_cut(fact, ' ', &rest), fact,
		write_number(numbers[0], RUNS_FACTS_MAX),
		write_number(numbers[1], RUNS_FACTS_S * INT64_C(1000)),
	};

	redis_add(r, &runs_tell_script, facts_key, words, 4);
}

void
runs_learn(struct redis *r, int64_t since)
{
	char numbers[2][ARGUMENT_MAX];
	const struct slice words[] = {
		write_number(numbers[0], since), write_number(numbers[1], RUNS_NEWS),
	};

	redis_add(r, &runs_news_script, facts_key, words, 2);
}

static bool
is_value(int64_t v)
{
	return v <= TALK_VALUE_MAX && v >= -TALK_VALUE_MAX;
}

bool
runs_given(const struct redis_reply *reply, uint32_t number, struct talk *ret)
{
	const struct redis_item *item = &reply->items[0];

	if (reply->n != 1 || item->is_text || !is_value(item->number))
		return false;
	*ret = (struct talk){ .kind = TALK_GIVEN, .number = number, .after_us = item->number };
	return true;
}

bool
runs_news(const struct redis_reply *reply, struct talk *ret, bool *ret_more)
{
	const struct redis_item *i = reply->items;

	if (reply->n != 3 || i[0].is_text || i[0].number < 0 || !is_value(i[0].number) ||
	    i[1].is_text || !i[2].is_text)
		return false;
	*ret = (struct talk){ .kind = TALK_NEWS, .since = i[0].number, .text = i[2].text };
	*ret_more = i[1].number != 0;
	return true;
}
