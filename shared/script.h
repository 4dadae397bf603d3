// SPDX-License-Identifier: ISC
/*
 * The script that Redis runs for each query, as one step.  It is the algorithm of strangers/, with
 * the clock of Redis.
 *
 * A client has one key, a hash: `at` is the time for which the levels hold, 1 to 4 are the levels,
 * and oID is "CONNECTIONS UNTIL" of one listener.  The key expires when nothing in it counts.
 */
#ifndef SHARED_SCRIPT_H
#define SHARED_SCRIPT_H

/* KEYS: the client.  ARGV: enter, count or open; the listener's ID; its connections; the
 * milliseconds that they count; the failure; the five limits.  Returns the number of the limit that
 * is passed, or 5. */
static const char script_text[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local key, op, own = KEYS[1], ARGV[1], 'o' .. ARGV[2]\n"
    "local open, lease, what = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])\n"
    "local period = { [0] = 0, 60000, 3600000, 3600000, 3600000 }\n"
    "local most, level, at, others, last = {}, {}, now, 0, 0\n"
    "for i = 0, 4 do most[i] = tonumber(ARGV[6 + i]); level[i] = 0 end\n"
    "local all = redis.call('HGETALL', key)\n"
    "for i = 1, #all, 2 do\n"
    "  local name, value = all[i], all[i + 1]\n"
    "  if name == 'at' then at = tonumber(value)\n"
    "  elseif string.sub(name, 1, 1) ~= 'o' then level[tonumber(name)] = tonumber(value)\n"
    "  elseif name ~= own then\n"
    "    local n, till = string.match(value, '^(%d+) (%d+)$')\n"
    "    if tonumber(till) <= now then redis.call('HDEL', key, name)\n"
    "    else others = others + tonumber(n); last = math.max(last, tonumber(till)) end\n"
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
    "return result\n";

#endif
