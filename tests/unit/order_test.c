// SPDX-License-Identifier: ISC
#include "hosts/order.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

#define NOW 100000
#define FRESH 3600

/* A host with the address 192.0.2.OCTET, or an IPv6 address from OCTET 10 on. */
struct known {
	unsigned octet;
	int64_t first_us;	/* 0: never measured */
	bool at_least;
	int64_t ago_s;
	int64_t failed_ago_s;	/* 0: never */
	unsigned failures;
	unsigned broken;
	bool no_ipv6;
	bool ahead;			/* that was noted by a clock that was ahead */
};

struct order_case {
	const char *name;
	struct { unsigned preference, octet; } mx[6];
	struct known known[6];
	bool latency_only;
	/*
	 * Letters of addresses in their order, or "*" for any.  "|" separates levels.  "()" holds
	 * the addresses that start at once, "[]" those that start later.  "!" stands before the
	 * addresses that are not dialled.
	 */
	const char *order;
};

static const struct order_case cases[] = {
	{ .name = "R135 lower preference first", .mx = { { 10, 1 }, { 20, 2 } },
	    .known = { { .octet = 1, .first_us = 9000, .ago_s = 5 },
		{ .octet = 2, .first_us = 10, .ago_s = 5 } },
	    .order = "(1)|2" },
	{ .name = "R135 V37 latency orders a level", .mx = { { 10, 1 }, { 10, 2 }, { 10, 3 } },
	    .known = { { .octet = 1, .first_us = 900, .ago_s = 5 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 },
		{ .octet = 3, .first_us = 600, .ago_s = 5 } },
	    .order = "(2)[31]" },
	{ .name = "V36 mx-order = latency ranks all", .mx = { { 10, 1 }, { 20, 2 } },
	    .known = { { .octet = 1, .first_us = 9000, .ago_s = 5 },
		{ .octet = 2, .first_us = 10, .ago_s = 5 } },
	    .latency_only = true, .order = "(2)[1]" },
	{ .name = "V37 an address of unknown latency races the best",
	    .mx = { { 10, 1 }, { 10, 2 }, { 10, 3 } },
	    .known = { { .octet = 1, .first_us = 900, .ago_s = 5 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(23)[1]" },
	{ .name = "an old measurement is unknown again", .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 900, .ago_s = 5 },
		{ .octet = 2, .first_us = 300, .ago_s = FRESH + 1 } },
	    .order = "(12)" },
	{ .name = "a measurement from the future is unknown", .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 900, .ago_s = 5 },
		{ .octet = 2, .first_us = 300, .ago_s = -50 } },
	    .order = "(12)" },
	{ .name = "a lower bound counts as its bound", .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 900, .at_least = true, .ago_s = 5 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(2)[1]" },
	{ .name = "a bound below the best may be the fastest", .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .at_least = true, .ago_s = 5 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(12)" },
	{ .name = "R146 a host that failed lately is last of its level",
	    .mx = { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10,
		    .failures = 1 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(2)[1]|3" },
	{ .name = "a host that failed lately is before the next level",
	    .mx = { { 10, 1 }, { 20, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10,
		    .failures = 1 },
		{ .octet = 2, .first_us = 50, .ago_s = 5 } },
	    .order = "(1)|2" },
	{ .name = "a failure long ago does not count", .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 301,
		    .failures = 3 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(1)[2]" },
	{ .name = "a failure before a success does not count", .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(1)[2]" },
	{ .name = "all hosts of a level failed: all are dialled at once",
	    .mx = { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10,
		    .failures = 1 },
		{ .octet = 2, .first_us = 300, .ago_s = 5, .failed_ago_s = 10, .failures = 1 } },
	    .order = "(**)|3" },
	{ .name = "R146 a host that failed again and again is not dialled",
	    .mx = { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10,
		    .failures = 2 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(2)|3!1" },
	{ .name = "R146 V37 a whole level failed: not dialled", .mx = { { 10, 1 }, { 20, 3 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10,
		    .failures = 2 } },
	    .order = "(3)!1" },
	{ .name = "R146 all hosts failed: none is dialled", .mx = { { 10, 1 }, { 20, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 10,
		    .failures = 2 },
		{ .octet = 2, .first_us = 100, .ago_s = 5, .failed_ago_s = 10, .failures = 3 } },
	    .order = "!12" },
	{ .name = "the pause is over: the host is last of its level",
	    .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 120,
		    .failures = 2 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(2)[1]" },
	{ .name = "a host that broke off after the dot is last of its level for a day",
	    .mx = { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 80000,
		    .failures = 1, .broken = 1 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(2)[1]|3" },
	{ .name = "after a day it does not count that a host broke off",
	    .mx = { { 10, 1 }, { 10, 2 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 86400,
		    .failures = 1, .broken = 1 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 } },
	    .order = "(1)[2]" },
	{ .name = "a host that broke off twice is behind the next level",
	    .mx = { { 10, 1 }, { 20, 2 }, { 20, 3 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 8000,
		    .failures = 2, .broken = 2 },
		{ .octet = 2, .first_us = 300, .ago_s = 5 },
		{ .octet = 3, .first_us = 400, .ago_s = 5 } },
	    .order = "(2)[3]|1" },
	{ .name = "a host that broke off often is still dialled", .mx = { { 10, 1 } },
	    .known = { { .octet = 1, .first_us = 100, .ago_s = 5, .failed_ago_s = 8000,
		    .failures = 5, .broken = 5 } },
	    .order = "(1)" },
	{ .name = "RFC 8305 nothing is known: IPv6 first, then IPv4",
	    .mx = { { 10, 1 }, { 10, 11 } }, .order = "(b)[1]" },
	{ .name = "RFC 8305 the families take turns",
	    .mx = { { 10, 1 }, { 10, 2 }, { 10, 11 }, { 10, 12 } }, .order = "(**)[**]" },
	{ .name = "one family is measured: the other starts at the same time",
	    .mx = { { 10, 1 }, { 10, 11 } },
	    .known = { { .octet = 11, .first_us = 300, .ago_s = 5 } }, .order = "(b1)" },
	{ .name = "both families are measured: by latency", .mx = { { 10, 1 }, { 10, 11 } },
	    .known = { { .octet = 11, .first_us = 300, .ago_s = 5 },
		{ .octet = 1, .first_us = 200, .ago_s = 5 } },
	    .order = "(1)[b]" },
	{ .name = "IPv4 alone in its level starts at once", .mx = { { 10, 1 }, { 20, 11 } },
	    .order = "(1)|b" },
	{ .name = "a host that refuses our IPv6 address: IPv4", .mx = { { 10, 1 }, { 10, 11 } },
	    .known = { { .octet = 11, .first_us = 100, .ago_s = 5, .no_ipv6 = true },
		{ .octet = 1, .first_us = 200, .ago_s = 5 } },
	    .order = "(1)!b" },
	{ .name = "a host that refuses our IPv6 address: IPv4 of another level",
	    .mx = { { 10, 11 }, { 20, 1 } },
	    .known = { { .octet = 11, .first_us = 100, .ago_s = 5, .no_ipv6 = true } },
	    .order = "(1)!b" },
	{ .name = "a host that refused our IPv6 address, by a clock that was ahead: IPv6",
	    .mx = { { 10, 1 }, { 10, 11 } },
	    .known = { { .octet = 11, .first_us = 100, .ago_s = 5, .ahead = true },
		{ .octet = 1, .first_us = 200, .ago_s = 5 } },
	    .order = "(b)[1]" },
	{ .name = "a host that refuses our IPv6 address has no IPv4: IPv6", .mx = { { 10, 11 } },
	    .known = { { .octet = 11, .first_us = 100, .ago_s = 5, .no_ipv6 = true } },
	    .order = "(b)" },
	{ .name = "nothing is known: one level is raced", .mx = { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	    .order = "(**)|3" },
};

static void
set_address(struct sockaddr_storage *ss, unsigned octet)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof *ss);
	if (octet > 9 && octet < 100) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_addr.s6_addr[0] = 0x20;
		in6->sin6_addr.s6_addr[15] = (unsigned char)octet;
		return;
	}
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0xc0000200U | octet);
	in->sin_port = htons(25);
}

static void
know(struct hosts *h, const struct known *k)
{
	struct sockaddr_storage ss;
	struct host_report r = { .event = HOST_FAILED };
	struct host *host;

	set_address(&ss, k->octet);
	host_key(r.address, &ss);
	hosts_learn(h, &r, 1);
	host = (struct host *)(uintptr_t)hosts_find(h, r.address);
	host->first_us = k->first_us;
	host->at_least = k->at_least;
	host->measured_s = NOW - k->ago_s;
	host->failed_s = k->failed_ago_s == 0 ? 0 : NOW - k->failed_ago_s;
	host->failures = k->failures;
	host->broken = k->broken;
	host->ipv4_until_s = k->ahead ? NOW + HOSTS_IPV4_S + 1 : k->no_ipv6 ? NOW + 1 : 0;
}

/* "1" to "9" for 192.0.2.x, "a" to "z" for IPv6 addresses from octet 10 on. */
static char
letter(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET6)
		return (char)('a' + ((const struct sockaddr_in6 *)ss)->sin6_addr.s6_addr[15] - 10);
	return (char)('0' + (ntohl(((const struct sockaddr_in *)ss)->sin_addr.s_addr) & 255));
}

/* Does the order match the one that is wanted? */
static bool
matches(const char *want, struct order_target *t, size_t n)
{
	int start_ms[DIAL_MAX];
	size_t usable = order_usable(t, n), race = order_race(t, usable, start_ms), i = 0;
	bool dialled = true, good = true;
	unsigned level = t[0].level;
	char where = 0;			/* '(' at once, '[' later */

	for (; *want; want++) {
		if (*want == '|') {
			good = good && i < usable && t[i].level > level;
			level = t[i].level;
		} else if (*want == '!') {
			good = good && i == usable;
			dialled = false;
		} else if (strchr("([)]", *want)) {
			where = *want;
		} else if (i == n) {
			return false;
		} else {
			good = good && (*want == '*' || letter(t[i].address) == *want) &&
			    (!dialled || t[i].level == level);
			good = good && (i < race) == (where == '(' || where == '[');
			good = good && (i >= race || (start_ms[i] == 0) == (where == '('));
			i++;
		}
	}
	return good && i == n && (dialled ? n : usable) == usable;
}

static void
test_order(void)
{
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct mx_exchanger x[6] = { 0 };
		struct mx_list mx = { .exchangers = x };
		struct order_target t[ORDER_MAX];
		struct hosts h = { 0 };
		size_t n;

		for (; mx.n < 6 && cases[c].mx[mx.n].preference; mx.n++) {
			x[mx.n].preference = cases[c].mx[mx.n].preference;
			x[mx.n].naddresses = 1;
			set_address(&x[mx.n].addresses[0], cases[c].mx[mx.n].octet);
		}
		for (size_t k = 0; k < 6 && cases[c].known[k].octet; k++)
			know(&h, &cases[c].known[k]);
		n = order_targets(&mx, &h, cases[c].latency_only, NOW, FRESH, t);
		ok(matches(cases[c].order, t, n), "%s", cases[c].name);
		hosts_done(&h);
	}
}

/* A domain with 512 addresses. */
static void
test_bounds(void)
{
	struct mx_exchanger *x = calloc(MX_EXCHANGERS_MAX, sizeof *x);
	struct mx_list mx = { .exchangers = x, .n = MX_EXCHANGERS_MAX };
	struct order_target t[ORDER_MAX];
	struct hosts h = { 0 };
	unsigned hosts = 0;
	int start_ms[DIAL_MAX];
	size_t n;

	if (!x)
		abort();
	for (size_t i = 0; i < mx.n; i++) {
		x[i].preference = 10;
		x[i].naddresses = MX_ADDRESSES_MAX;
		for (size_t a = 0; a < MX_ADDRESSES_MAX; a++)
			set_address(&x[i].addresses[a], (unsigned)(i * 8 + a));
	}
	n = order_targets(&mx, &h, false, NOW, FRESH, t);
	ok(n == ORDER_MAX, "512 addresses: 64 are kept");
	ok(order_race(t, n, start_ms) == DIAL_MAX, "512 addresses: 16 in a race");
	for (size_t i = 0; i < mx.n; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there = there || t[k].exchanger == &x[i];
		hosts += there;
	}
	ok(hosts == MX_EXCHANGERS_MAX, "R138 each exchanger is among the 64");
	for (size_t i = 0; i < mx.n; i++)
		x[i].preference = (unsigned)i;
	for (int spread = 0; spread < 2; spread++) {
		mx.spread = spread == 1;
		n = order_targets(&mx, &h, false, NOW, FRESH, t);
		ok(n == ORDER_MAX && t[n - 1].exchanger == &x[MX_EXCHANGERS_MAX - 1],
		    "512 addresses%s: the worst exchanger has a place",
		    spread ? " that share" : "");
	}
	mx.n = 0;
	ok(order_targets(&mx, &h, false, NOW, FRESH, t) == 0 && order_race(t, 0, start_ms) == 0,
	    "no exchanger: no address, no race");
	free(x);
}

static void
test_ties(void)
{
	struct mx_exchanger x[4] = { 0 };
	struct mx_list mx = { .exchangers = x, .n = 4 };
	struct order_target t[ORDER_MAX];
	struct hosts h = { 0 };
	unsigned first = 0;

	for (unsigned i = 0; i < 4; i++) {
		x[i].naddresses = 1;
		set_address(&x[i].addresses[0], i);
	}
	for (int i = 0; i < 400; i++)
		if (order_targets(&mx, &h, false, NOW, FRESH, t) == 4)
			first |= 1U << (t[0].exchanger - x);
	ok(first == 15, "R135 V37 equal addresses: each comes first at least once");
}

/* Exchangers that share the load: one is dialled, those of the next preference come later, one that
 * fails comes last of its own. */
static void
test_spread(void)
{
	struct mx_exchanger x[4] = { { .weight = 1 }, { .weight = 3 }, { .weight = 4 },
		{ .preference = 10 } };
	struct mx_list mx = { .exchangers = x, .n = 4, .spread = true };
	const struct known failing = { .octet = 2, .ago_s = 5, .failed_ago_s = 10, .failures = 1 };
	struct order_target t[ORDER_MAX];
	struct hosts h = { 0 };
	int start_ms[DIAL_MAX];
	unsigned first[4] = { 0 };
	bool apart = true, ranked = true;

	for (unsigned i = 0; i < 4; i++) {
		x[i].naddresses = 1;
		set_address(&x[i].addresses[0], i);
	}
	for (int i = 0; i < 4000; i++) {
		const size_t n = order_targets(&mx, &h, false, NOW, FRESH, t);

		first[t[0].exchanger - x]++;
		apart = apart && order_race(t, n, start_ms) == 1;
		ranked = ranked && t[3].exchanger == &x[3];
	}
	ok(apart, "balanced: each exchanger is dialled alone");
	ok(ranked && first[3] == 0, "balanced: preference counts first");
	ok(first[0] > 350 && first[0] < 650 && first[1] > 1300 && first[1] < 1700 &&
	    first[2] > 1800 && first[2] < 2200,
	    "balanced: by weight (%u, %u, %u of 4000)", first[0], first[1], first[2]);
	know(&h, &failing);
	ranked = true;
	for (int i = 0; i < 100; i++)
		ranked = ranked && order_targets(&mx, &h, false, NOW, FRESH, t) == 4 &&
		    t[2].exchanger == &x[2] && t[3].exchanger == &x[3];
	ok(ranked, "balanced: a failing exchanger is the last of its preference");
	hosts_done(&h);
}

/* An attempt tries 16 of 40 targets, which are numbered by their level. */
static void
test_choose(void)
{
	struct order_target t[40];
	bool dead[40] = { false }, good = false;
	unsigned attempts = 0;
	size_t n;

	for (; attempts < 40 && !good; attempts++) {
		for (unsigned i = 0; i < 40; i++)
			t[i] = (struct order_target){ .level = i, .failed = dead[i] };
		n = order_choose(t, 40, 16);
		if (n != 16)
			break;
		for (size_t i = 0; i < n; i++) {
			if ((i < 12 && t[i].level != i) || (i && t[i].level <= t[i - 1].level))
				n = 0;
			good |= t[i].level == 39;
			dead[t[i].level] = true;
		}
	}
	ok(n == 16, "16 are chosen, the first 12 among them, in their order");
	ok(good && attempts <= 7, "a good host behind 39 dead ones has its turn");
	good = false;
	for (attempts = 0; attempts < 1000 && !good; attempts++) {
		for (unsigned i = 0; i < 40; i++)
			t[i] = (struct order_target){ .level = i, .failed = true };
		good = order_choose(t, 40, 16) == 16 && t[15].level == 39;
	}
	ok(good, "also if all have failed once");
	ok(order_choose(t, 16, 16) == 16 && order_choose(t, 0, 16) == 0 &&
	    order_choose(t, 17, 16) == 16, "as many as there are, and one more");
}

int
main(void)
{
	test_order();
	test_bounds();
	test_choose();
	test_ties();
	test_spread();
	return tap_done();
}
