// SPDX-License-Identifier: ISC
#include "shared/tally_script.h"

#include <inttypes.h>
#include <stdio.h>

/* KEYS: the user.  ARGV: what counts, the most, and the milliseconds in which it counts.  Returns 0
 * if it is counted, 1 if the limit is passed, 2 if that is so for the first time.  A key of another
 * type, or without a good time, is replaced. */
struct redis_script tally_script = {
	.text =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local key, what, most, time = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])\n"
    "local had = redis.pcall('HMGET', key, 'at', 'n' .. what, 'p' .. what)\n"
    "if had.err and not string.find(had.err, 'WRONGTYPE', 1, true) then return had end\n"
    "local at, n, passed = tonumber(had[1]), tonumber(had[2]) or 0, had[3]\n"
    "if not (at and at <= now and at > now - time) then\n"
    "  redis.call('DEL', key)\n"
    "  at, n, passed = now, 0, false\n"
    "  redis.call('HSET', key, 'at', string.format('%.0f', at))\n"
    "  redis.call('PEXPIRE', key, string.format('%.0f', time))\n"
    "end\n"
    "if n < most then\n"
    "  redis.call('HSET', key, 'n' .. what, string.format('%.0f', n + 1))\n"
    "  return 0\n"
    "end\n"
    "if passed then return 1 end\n"
    "redis.call('HSET', key, 'p' .. what, 1)\n"
    "return 2\n",
};

void
tally_ask(struct redis *r, const struct tally_query *q)
{
	char space[TALLY_NAME_MAX + 16], numbers[3][16];
	struct buf key = BUF(space);
	struct slice words[3];

	buf_str(&key, q->what == TALLY_RATE ? "user-rate:" : "user-hour:");
	buf_add(&key, slice_of(q->name, q->n));
	(void)snprintf(numbers[0], sizeof numbers[0], "%d", (int)q->what);
	(void)snprintf(numbers[1], sizeof numbers[1], "%" PRIu32, q->most);
	(void)snprintf(numbers[2], sizeof numbers[2], "%" PRIu64, q->time_s * UINT64_C(1000));
	for (size_t i = 0; i < 3; i++)
		words[i] = slice_str(numbers[i]);
	redis_add(r, &tally_script, buf_slice(&key), words, 3);
}

bool
tally_counted(const struct redis_reply *reply, enum tally_result *ret)
{
	const struct redis_item *item = &reply->items[0];

	if (reply->n != 1 || item->is_text || item->number < TALLY_FREE ||
	    item->number > TALLY_PASSED_NOW)
		return false;
	*ret = (enum tally_result)item->number;
	return true;
}
