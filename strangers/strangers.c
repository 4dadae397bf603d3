// SPDX-License-Identifier: ISC
/*
 * A hash gives a client its set of places.  Levels leak: so a number for each limit is enough to
 * hold it over any minute or hour, and no event is stored.
 */
#include "strangers/strangers.h"

#include <netinet/in.h>
#include <string.h>

#define MINUTE_MS   60000
#define HOUR_MS	    (60 * MINUTE_MS)
#define MENTION_MS  MINUTE_MS

static const uint32_t period_ms[STRANGERS_LIMITS] = {
	[STRANGERS_RATE] = MINUTE_MS,
	[STRANGERS_LOGINS] = HOUR_MS,
	[STRANGERS_RECIPIENTS] = HOUR_MS,
	[STRANGERS_PROBES] = HOUR_MS,
};

void
strangers_init(struct strangers *s, struct stranger *places, uint32_t n, const uint64_t secret[2])
{
	*s = (struct strangers){ places, n, { secret[0], secret[1] } };
}

bool
strangers_key(const struct sockaddr *sa, struct strangers_key *ret)
{
	unsigned char octets[8] = { 0 };
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*ret = (struct strangers_key){ 0 };
	if (!sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return false;
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof in);
		memcpy(octets, &in.sin_addr, 4);
		ret->bits = 32;
	} else {
		memcpy(&in6, sa, sizeof in6);
		ret->bits = 64;
		memcpy(octets, &in6.sin6_addr, 8);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			ret->bits = 32;
			memcpy(octets, in6.sin6_addr.s6_addr + 12, 4);
			memset(octets + 4, 0, 4);
		}
	}
	for (size_t i = 0; i < sizeof octets; i++)
		ret->prefix = ret->prefix << 8 | octets[i];
	return true;
}

static bool
same_key(const struct strangers_key *a, const struct strangers_key *b)
{
	return a->prefix == b->prefix && a->bits == b->bits;
}

/* The first place of the client's set. */
static struct stranger *
find_set(const struct strangers *s, const struct strangers_key *key)
{
	uint64_t h = (key->prefix ^ s->secret[0] ^ key->bits) * (s->secret[1] | 1);

	h = (h ^ h >> 32) * (s->secret[0] | 1);
	h ^= h >> 29;
	return s->places + (h % (s->n / STRANGERS_WAYS)) * STRANGERS_WAYS;
}

static struct stranger *
find_client(const struct strangers *s, const struct strangers_key *key)
{
	struct stranger *set = find_set(s, key);

	for (size_t i = 0; i < STRANGERS_WAYS; i++)
		if (same_key(&set[i].key, key))
			return &set[i];
	return NULL;
}

static void
leak_levels(struct stranger *c, const struct strangers_limits *limits, int64_t now_ms)
{
	const int64_t passed = now_ms - c->at_ms;
	/* More than any period changes nothing. */
	const uint64_t ms = passed < 0 ? 0 : passed > HOUR_MS ? HOUR_MS + 1 : (uint64_t)passed;

	for (size_t i = 0; i < STRANGERS_LIMITS; i++) {
		const uint64_t leak = ms * limits->most[i];

		c->level[i] = limits->most[i] && leak < c->level[i] ? c->level[i] - leak : 0;
	}
	if (passed > 0)
		c->at_ms = now_ms;
}

/* Does one more event pass the limit? */
static bool
is_full(const struct stranger *c, const struct strangers_limits *limits, enum strangers_limit what)
{
	const uint64_t most = limits->most[what];

	if (most == 0)
		return false;
	if (what == STRANGERS_CONNECTIONS)
		return c->open >= most;
	return c->level[what] + period_ms[what] > most * period_ms[what];
}

/* The events that are lost if another client gets the place. */
static uint64_t
count_events(const struct stranger *c)
{
	uint64_t n = 0;

	for (size_t i = 0; i < STRANGERS_LIMITS; i++)
		if (period_ms[i])
			n += (c->level[i] + period_ms[i] - 1) / period_ms[i];
	return n;
}

/* The place that a new client gets: the one with the least to remember, the oldest of these.  NULL:
 * all have open connections. */
static struct stranger *
find_room(const struct strangers *s, const struct strangers_limits *limits,
    const struct strangers_key *key, int64_t now_ms)
{
	struct stranger *set = find_set(s, key), *best = NULL;
	uint64_t least = 0;

	for (size_t i = 0; i < STRANGERS_WAYS; i++) {
		struct stranger now = set[i];
		uint64_t events;

		if (now.key.bits == 0)
			return &set[i];
		if (now.open)
			continue;
		leak_levels(&now, limits, now_ms);
		events = count_events(&now);
		if (!best || events < least || (events == least && set[i].at_ms < best->at_ms)) {
			best = &set[i];
			least = events;
		}
	}
	return best;
}

enum strangers_limit
strangers_enter(struct strangers *s, const struct strangers_limits *limits,
    const struct strangers_key *key, int64_t now_ms, uint32_t *ret_place)
{
	struct stranger *c = find_client(s, key);

	if (!c) {
		c = find_room(s, limits, key, now_ms);
		if (!c) {
			*ret_place = STRANGERS_NONE;
			return STRANGERS_LIMITS;
		}
		*c = (struct stranger){ .key = *key, .at_ms = now_ms };
	}
	leak_levels(c, limits, now_ms);
	for (enum strangers_limit i = 0; i < STRANGERS_LIMITS; i++)
		if (is_full(c, limits, i))
			return i;
	c->open++;
	if (limits->most[STRANGERS_RATE])
		c->level[STRANGERS_RATE] += period_ms[STRANGERS_RATE];
	*ret_place = (uint32_t)(c - s->places);
	return STRANGERS_LIMITS;
}

void
strangers_withdraw(struct strangers *s, const struct strangers_limits *limits, uint32_t place)
{
	uint64_t *rate;

	strangers_leave(s, place);
	if (place >= s->n || !limits->most[STRANGERS_RATE])
		return;
	rate = &s->places[place].level[STRANGERS_RATE];
	*rate -= *rate < period_ms[STRANGERS_RATE] ? *rate : period_ms[STRANGERS_RATE];
}

void
strangers_leave(struct strangers *s, uint32_t place)
{
	if (place < s->n && s->places[place].open)
		s->places[place].open--;
}

void
strangers_count(struct strangers *s, const struct strangers_limits *limits, uint32_t place,
    enum strangers_limit what, int64_t now_ms)
{
	struct stranger *c = s->places + place;

	if (place >= s->n || what >= STRANGERS_LIMITS)
		return;
	leak_levels(c, limits, now_ms);
	/* A level never exceeds its limit, so an address is free again after its period at most. */
	if (!is_full(c, limits, what) && limits->most[what])
		c->level[what] += period_ms[what];
}

uint32_t
strangers_mention(struct strangers *s, const struct strangers_key *key, int64_t now_ms)
{
	struct stranger *c = find_client(s, key);
	uint32_t n;

	if (!c)
		return 1;
	n = c->refused + (c->refused < UINT32_MAX);
	c->refused = n;
	if (c->mentioned_ms && now_ms - c->mentioned_ms < MENTION_MS)
		return 0;
	c->refused = 0;
	c->mentioned_ms = now_ms;
	return n;
}

bool
strangers_remember(const struct strangers *s, const struct strangers_limits *limits, int64_t now_ms)
{
	static const enum strangers_limit failures[] = {
		STRANGERS_LOGINS, STRANGERS_RECIPIENTS, STRANGERS_PROBES,
	};

	for (uint32_t i = 0; i < s->n; i++) {
		struct stranger c = s->places[i];

		if (!c.key.bits)
			continue;
		leak_levels(&c, limits, now_ms);
		for (size_t k = 0; k < sizeof failures / sizeof failures[0]; k++)
			if (c.level[failures[k]])
				return true;
	}
	return false;
}
