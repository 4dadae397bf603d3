// SPDX-License-Identifier: ISC
#include "shared/clients.h"

#include <inttypes.h>
#include <stdio.h>

#define ARGUMENTS (5 + STRANGERS_LIMITS)
#define LEVEL_MAX 3600000000000		/* 1000000 failures that count for an hour */
#define STRING(x) #x
#define NUMBER(x) STRING(x)

/* KEYS: the client.  ARGV: enter, count or open; the listener's ID; its connections; the
 * milliseconds that they count; the failure; the five limits.  Returns the number of the limit that
 * is passed, or 5.  A key of another type, or values of another form, are of another program or of
 * a clock that was ahead: they do not count. */
struct redis_script clients_script = {
	.text =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local key, op, own = KEYS[1], ARGV[1], 'o' .. ARGV[2]\n"
    "local open, lease, what = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])\n"
    "local period = { [0] = 0, 60000, 3600000, 3600000, 3600000 }\n"
    "local most, level, at, others, last = {}, {}, now, 0, 0\n"
    "for i = 0, 4 do most[i] = tonumber(ARGV[6 + i]); level[i] = 0 end\n"
    "local all = redis.pcall('HGETALL', key)\n"
    "if all.err then\n"
    "  if not string.find(all.err, 'WRONGTYPE', 1, true) then return all end\n"
    "  redis.call('DEL', key)\n"
    "  all = {}\n"
    "end\n"
    "for i = 1, #all, 2 do\n"
    "  local name, value = all[i], all[i + 1]\n"
    "  local n, till = string.match(value, '^(%d+) (%d+)$')\n"
    "  local i, amount = tonumber(name), tonumber(string.match(value, '^%d+$'))\n"
    "  n, till = tonumber(n), tonumber(till)\n"
    "  if name == 'at' then at = amount or now\n"
    "  elseif i and level[i] and i > 0 then\n"
    "    if amount and amount <= " NUMBER(LEVEL_MAX) " then level[i] = amount end\n"
    "  elseif string.sub(name, 1, 1) == 'o' and name ~= own then\n"
    "    if till and till > now and till <= now + 2 * lease then\n"
    "      others, last = others + n, math.max(last, till)\n"
    "    else redis.call('HDEL', key, name) end\n"
    "  end\n"
    "end\n"
    "local function full(i)\n"
    "  if most[i] == 0 then return false end\n"
    "  if i == 0 then return others + open > most[0] end\n"
    "  return level[i] + period[i] > most[i] * period[i]\n"
    "end\n"
    "local result = 5\n"
    "if op ~= 'open' then\n"
    "  local passed = math.max(0, now - at)\n"
    "  for i = 1, 4 do\n"
    "    level[i] = most[i] == 0 and 0 or math.max(0, level[i] - passed * most[i])\n"
    "  end\n"
    "  if op == 'count' then\n"
    "    if most[what] > 0 and not full(what) then level[what] = level[what] + period[what] end\n"
    "  else\n"
    "    for i = 4, 0, -1 do if full(i) then result = i end end\n"
    "    if result < 5 then open = open - 1\n"
    "    elseif most[1] > 0 then level[1] = level[1] + period[1] end\n"
    "  end\n"
    "  redis.call('HSET', key, 'at', string.format('%.0f', now))\n"
    "  for i = 1, 4 do\n"
    "    if level[i] > 0 then\n"
    "      redis.call('HSET', key, i, string.format('%.0f', level[i]))\n"
    "      last = math.max(last, now + math.ceil(level[i] / most[i]))\n"
    "    else redis.call('HDEL', key, i) end\n"
    "  end\n"
    "end\n"
    "if op ~= 'count' then\n"
    "  if open > 0 then\n"
    "    redis.call('HSET', key, own, string.format('%.0f %.0f', open, now + lease))\n"
    "    last = math.max(last, now + lease)\n"
    "  else redis.call('HDEL', key, own) end\n"
    "end\n"
    "local left = last - now\n"
    "if op ~= 'enter' then left = math.max(left, redis.call('PTTL', key)) end\n"
    "if left > 0 and redis.call('HLEN', key) > redis.call('HEXISTS', key, 'at') then\n"
    "  redis.call('PEXPIRE', key, string.format('%.0f', left))\n"
    "else redis.call('DEL', key) end\n"
    "return result\n",
};

static const char *
verb_of(enum query_kind kind)
{
	return kind == QUERY_ENTER ? "enter" : kind == QUERY_COUNT ? "count" : "open";
}

void
clients_ask(struct redis *r, const char *id, const struct query *q)
{
	char name[32], numbers[ARGUMENTS][12];
	struct slice words[ARGUMENTS] = { slice_str(verb_of(q->kind)), slice_str(id) };

	(void)snprintf(name, sizeof name, "client:%016" PRIx64 "/%u", q->key.prefix, q->key.bits);
	(void)snprintf(numbers[2], sizeof numbers[2], "%" PRIu32, q->open);
	(void)snprintf(numbers[3], sizeof numbers[3], "%d", CLIENTS_LEASE_MS);
	(void)snprintf(numbers[4], sizeof numbers[4], "%d", (int)q->what);
	for (size_t i = 0; i < STRANGERS_LIMITS; i++)
		(void)snprintf(numbers[5 + i], sizeof numbers[0], "%u",
		    (unsigned)q->limits.most[i]);
	for (size_t i = 2; i < ARGUMENTS; i++)
		words[i] = slice_str(numbers[i]);
	redis_add(r, &clients_script, slice_str(name), words, ARGUMENTS);
}

bool
clients_verdict(const struct redis_reply *reply, enum strangers_limit *ret)
{
	const struct redis_item *item = &reply->items[0];

	if (reply->n != 1 || item->is_text || item->number < 0 || item->number > STRANGERS_LIMITS)
		return false;
	*ret = (enum strangers_limit)item->number;
	return true;
}
