// SPDX-License-Identifier: ISC
#include "strangers/strangers.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/cidr.h"
#include "tests/lib/tap.h"

#define MINUTE_MS 60000
#define HOUR_MS	  (60 * MINUTE_MS)
#define PLACES	  64

static const uint64_t secret[2] = { UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0x123456789abcdef1) };
static struct stranger places[PLACES];
static struct strangers table;
static const struct strangers_limits few = { { 2, 3, 2, 4, 1 } };
static const struct strangers_limits any = { { 0 } };

static void
begin(void)
{
	memset(places, 0, sizeof places);
	strangers_init(&table, places, PLACES, secret);
}

static struct strangers_key
key_of(const char *text)
{
	struct sockaddr_storage ss;
	struct strangers_key key = { 0 };
	socklen_t len;

	if (address_parse(slice_str(text), 0, &ss, &len))
		(void)strangers_key((const struct sockaddr *)&ss, &key);
	return key;
}

static enum strangers_limit
enter(const char *text, const struct strangers_limits *limits, int64_t now_ms, uint32_t *place)
{
	const struct strangers_key key = key_of(text);

	return strangers_enter(&table, limits, &key, now_ms, place);
}

/* A connection that ends at once. */
static enum strangers_limit
visit(const char *text, const struct strangers_limits *limits, int64_t now_ms)
{
	uint32_t place = STRANGERS_NONE;
	const enum strangers_limit r = enter(text, limits, now_ms, &place);

	strangers_leave(&table, place);
	return r;
}

static const struct {
	const char *name, *a, *b;
	bool same;
} pairs[] = {
	{ "an IPv4 address is one client", "192.0.2.1", "192.0.2.1", true },
	{ "the next IPv4 address is another", "192.0.2.1", "192.0.2.2", false },
	{ "an IPv6 network of 64 bits is one client", "2001:db8::1", "2001:db8::ffff:1", true },
	{ "the next network of 64 bits is another", "2001:db8::1", "2001:db8:0:1::1", false },
	{ "a mapped address is the IPv4 address", "::ffff:192.0.2.1", "192.0.2.1", true },
	{ "two mapped addresses are two clients", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ "an IPv6 network never is an IPv4 address", "c000:201::", "192.0.2.1", false },
};

static void
check_keys(void)
{
	const struct sockaddr local = { .sa_family = AF_UNIX };
	struct strangers_key key;

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		const struct strangers_key a = key_of(pairs[i].a), b = key_of(pairs[i].b);

		ok(a.bits && b.bits &&
		    (a.bits == b.bits && a.prefix == b.prefix) == pairs[i].same,
		    "%s", pairs[i].name);
	}
	ok(!strangers_key(&local, &key) && key.bits == 0, "a Unix socket has no key");
	ok(!strangers_key(NULL, &key) && key.bits == 0, "a pipe has no key");
}

static void
check_connections(void)
{
	uint32_t one, two, other;

	begin();
	ok(enter("192.0.2.1", &few, 1000, &one) == STRANGERS_LIMITS &&
	    enter("192.0.2.1", &few, 1000, &two) == STRANGERS_LIMITS && one == two,
	    "two connections at a time");
	ok(enter("192.0.2.1", &few, 1000, &other) == STRANGERS_CONNECTIONS, "not three");
	ok(enter("192.0.2.2", &few, 1000, &other) == STRANGERS_LIMITS, "another client may");
	strangers_leave(&table, one);
	ok(enter("192.0.2.1", &few, 1000, &one) == STRANGERS_LIMITS, "again after one has ended");
	ok(visit("192.0.2.1", &any, 1000) == STRANGERS_LIMITS, "without a limit any number may");
	strangers_leave(&table, STRANGERS_NONE);
	strangers_leave(&table, PLACES);
	strangers_count(&table, &few, STRANGERS_NONE, STRANGERS_LOGINS, 1000);
	ok(true, "a place outside the table changes nothing");
}

static void
check_memory(void)
{
	const struct strangers_limits hour = { .most = { [STRANGERS_LOGINS] = 10 } };
	uint32_t place;

	begin();
	ok(!strangers_remember(&table, &hour, 1000), "an empty table remembers nothing");
	ok(enter("192.0.2.1", &hour, 1000, &place) == STRANGERS_LIMITS &&
	    !strangers_remember(&table, &hour, 1000), "a connection is no failure");
	strangers_count(&table, &hour, place, STRANGERS_LOGINS, 1000);
	strangers_leave(&table, place);
	ok(strangers_remember(&table, &hour, 1000 + 6 * MINUTE_MS - 1),
	    "a failure counts until its share of the hour has passed");
	ok(!strangers_remember(&table, &hour, 1000 + 6 * MINUTE_MS), "and then no longer");
}

static void
check_rate(void)
{
	unsigned n = 0;

	begin();
	for (int i = 0; i < 3; i++)
		n += visit("192.0.2.1", &few, 1000) == STRANGERS_LIMITS;
	ok(n == 3 && visit("192.0.2.1", &few, 1000) == STRANGERS_RATE,
	    "three in a minute, not four");
	ok(visit("192.0.2.1", &few, 1000 + MINUTE_MS / 3 - 1) == STRANGERS_RATE,
	    "not a bit earlier");
	ok(visit("192.0.2.1", &few, 1000 + MINUTE_MS / 3) == STRANGERS_LIMITS,
	    "one more after a third of a minute");
	ok(visit("192.0.2.1", &few, 500) == STRANGERS_RATE,
	    "a clock that goes back forgives nothing");
	for (n = 0; visit("192.0.2.1", &few, 10 * HOUR_MS) == STRANGERS_LIMITS; )
		n++;
	ok(n == 3, "a long rest does not add up");
}

static void
check_failures(void)
{
	static const struct {
		const char *name;
		enum strangers_limit what;
		int most;
	} failures[] = {
		{ "failed logins", STRANGERS_LOGINS, 2 },
		{ "refused recipients", STRANGERS_RECIPIENTS, 4 },
		{ "probes", STRANGERS_PROBES, 1 },
	};

	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		const enum strangers_limit what = failures[i].what;
		uint32_t place;

		begin();
		(void)enter("192.0.2.1", &few, 1000, &place);
		for (int j = 0; j < failures[i].most - 1; j++)
			strangers_count(&table, &few, place, what, 1000);
		ok(visit("192.0.2.1", &few, 1000) == STRANGERS_LIMITS, "%s below the limit",
		    failures[i].name);
		for (int j = 0; j < 100; j++)
			strangers_count(&table, &few, place, what, 1000);
		ok(visit("192.0.2.1", &few, 1000) == what, "%s at the limit", failures[i].name);
		ok(visit("192.0.2.9", &few, 1000) == STRANGERS_LIMITS, "%s of another client",
		    failures[i].name);
		ok(visit("192.0.2.1", &few, 1000 + HOUR_MS) == STRANGERS_LIMITS,
		    "%s an hour later, however many there were", failures[i].name);
		begin();
		(void)enter("192.0.2.1", &any, 1000, &place);
		for (int j = 0; j < 100; j++)
			strangers_count(&table, &any, place, what, 1000);
		ok(visit("192.0.2.1", &any, 1000) == STRANGERS_LIMITS, "%s without a limit",
		    failures[i].name);
	}
}

static void
check_mention(void)
{
	const struct strangers_key key = key_of("192.0.2.1");
	unsigned lines = 0, refused = 0;

	begin();
	(void)visit("192.0.2.1", &few, 1000);
	for (int64_t ms = 1000; ms < 1000 + 2 * MINUTE_MS; ms += 100) {
		const uint32_t n = strangers_mention(&table, &key, ms);

		lines += n != 0;
		refused += n;
	}
	ok(lines == 2 && refused == 601, "a client has one line a minute");
}

/* A table that is full of failures still has room, and forgets the least. */
static void
check_flood(void)
{
	static const struct strangers_limits limits = { { 32, 600, 5, 500, 200 } };
	uint32_t place;
	char text[64];

	begin();
	(void)enter("192.0.2.1", &limits, 1000, &place);
	for (int i = 0; i < 5; i++)
		strangers_count(&table, &limits, place, STRANGERS_LOGINS, 1000);
	strangers_leave(&table, place);
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(text, sizeof text, "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
		if (visit(text, &limits, 1000 + i / 100) != STRANGERS_LIMITS)
			break;
	}
	ok(visit("192.0.2.1", &limits, 2000) == STRANGERS_LOGINS,
	    "a flood of new addresses does not make it forget a guesser");
}

/* Random events: the sum of the open connections is always right, no client has more than its
 * limit, and a place with an open connection keeps its client. */
static void
check_property(void)
{
	static struct { uint32_t place; unsigned client; } open[200];
	static const struct strangers_limits limits = { { 5, 50, 10, 10, 10 } };
	size_t nopen = 0;
	int64_t now_ms = 1;
	bool good = true;
	unsigned seed = 1;

	begin();
	for (int step = 0; step < 200000 && good; step++) {
		const unsigned client = (unsigned)rand_r(&seed) % 300;
		const size_t at = nopen ? (size_t)rand_r(&seed) % nopen : 0;
		uint64_t sum = 0, counted = 0;
		char text[32];

		now_ms += rand_r(&seed) % 50;
		(void)snprintf(text, sizeof text, "10.0.%u.%u", client / 250, client % 250);
		if (nopen < 200 && rand_r(&seed) % 2) {
			if (enter(text, &limits, now_ms, &open[nopen].place) == STRANGERS_LIMITS)
				open[nopen++].client = client;
		} else if (nopen && rand_r(&seed) % 2) {
			strangers_leave(&table, open[at].place);
			open[at] = open[--nopen];
		} else if (nopen) {
			strangers_count(&table, &limits, open[at].place,
			    (enum strangers_limit)(rand_r(&seed) % STRANGERS_LIMITS), now_ms);
		}
		if (step % 64)
			continue;
		for (size_t i = 0; i < PLACES; i++) {
			sum += places[i].open;
			good &= places[i].open <= 5;
		}
		for (size_t i = 0; i < nopen; i++) {
			const uint32_t place = open[i].place;

			counted += place != STRANGERS_NONE;
			good &= place == STRANGERS_NONE ||
			    places[place].key.prefix == (UINT64_C(0x0a000000) << 32 |
				(uint64_t)(open[i].client / 250) << 40 |
				(uint64_t)(open[i].client % 250) << 32);
		}
		good &= sum == counted;
	}
	ok(good, "random events never break the table");
}

/* A connection that another machine's count refuses is not counted here either. */
static void
check_withdrawal(void)
{
	const struct strangers_key key = key_of("192.0.2.1");
	uint32_t place;

	begin();
	for (int i = 0; i < 10; i++)
		if (strangers_enter(&table, &few, &key, 1, &place) == STRANGERS_LIMITS)
			strangers_withdraw(&table, &few, place);
	ok(strangers_enter(&table, &few, &key, 1, &place) == STRANGERS_LIMITS &&
	    places[place].open == 1 && places[place].level[STRANGERS_RATE] == MINUTE_MS,
	    "withdrawn connections count for nothing");
	strangers_leave(&table, place);
	places[place].level[STRANGERS_RATE] = 1;
	strangers_withdraw(&table, &few, place);
	ok(places[place].open == 0 && places[place].level[STRANGERS_RATE] == 0,
	    "nothing falls below zero");
	strangers_withdraw(&table, &few, STRANGERS_NONE);
}

int
main(void)
{
	check_keys();
	check_connections();
	check_memory();
	check_rate();
	check_failures();
	check_mention();
	check_flood();
	check_withdrawal();
	check_property();
	return tap_done();
}
