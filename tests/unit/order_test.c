// SPDX-License-Identifier: ISC
#include "hosts/order.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

#define NOW 100000
#define FRESH 3600

/* Exchangers are named by one letter and a preference, with one address 192.0.2.x each. */
struct known {
	unsigned octet;
	int64_t first_us;	/* 0: never measured */
	bool at_least;
	int64_t ago_s;
	int64_t failed_ago_s;	/* -1: never */
	unsigned failures;
	unsigned broken;
	bool no_ipv6;
};

struct order_case {
	const char *name;
	struct { unsigned preference, octet; } mx[6];
	struct known known[6];
	bool latency_only;
	const char *order;	/* octets in order; "|" between levels, "()" around what is raced at first, "[]" around what
				 * joins in later, "!" before those that are not dialled, "*" anything */
};

static const struct order_case cases[] = {
	{ "R135 lower preference first", { { 10, 1 }, { 20, 2 } }, { { 1, 9000, false, 5, -1, 0, 0, false }, { 2, 10, false, 5, -1, 0, 0, false } },
	  false, "(1)|2" },
	{ "R135 inside a level by latency", { { 10, 1 }, { 10, 2 }, { 10, 3 } },
	  { { 1, 900, false, 5, -1, 0, 0, false }, { 2, 300, false, 5, -1, 0, 0, false }, { 3, 600, false, 5, -1, 0, 0, false } }, false, "(2)[31]" },
	{ "mx-order = latency ranks all", { { 10, 1 }, { 20, 2 } }, { { 1, 9000, false, 5, -1, 0, 0, false }, { 2, 10, false, 5, -1, 0, 0, false } },
	  true, "(2)[1]" },
	{ "an unknown one races the best", { { 10, 1 }, { 10, 2 }, { 10, 3 } },
	  { { 1, 900, false, 5, -1, 0, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(23)[1]" },
	{ "an old measurement is unknown again", { { 10, 1 }, { 10, 2 } },
	  { { 1, 900, false, 5, -1, 0, 0, false }, { 2, 300, false, FRESH + 1, -1, 0, 0, false } }, false, "(12)" },
	{ "one from the future too", { { 10, 1 }, { 10, 2 } },
	  { { 1, 900, false, 5, -1, 0, 0, false }, { 2, 300, false, -50, -1, 0, 0, false } }, false, "(12)" },
	{ "a lower bound counts as its bound", { { 10, 1 }, { 10, 2 } },
	  { { 1, 900, true, 5, -1, 0, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(2)[1]" },
	{ "a bound below the best may be the fastest", { { 10, 1 }, { 10, 2 } },
	  { { 1, 100, true, 5, -1, 0, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(12)" },
	{ "R146 failed lately: last of its level", { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	  { { 1, 100, false, 5, 10, 1, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(2)[1]|3" },
	{ "failed lately stays before the next level", { { 10, 1 }, { 20, 2 } },
	  { { 1, 100, false, 5, 10, 1, 0, false }, { 2, 50, false, 5, -1, 0, 0, false } }, false, "(1)|2" },
	{ "failed long ago is forgiven", { { 10, 1 }, { 10, 2 } },
	  { { 1, 100, false, 5, 301, 3, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(1)[2]" },
	{ "failed and back since is forgiven", { { 10, 1 }, { 10, 2 } },
	  { { 1, 100, false, 5, 10, 0, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(1)[2]" },
	{ "all failing: all at once", { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	  { { 1, 100, false, 5, 10, 1, 0, false }, { 2, 300, false, 5, 10, 1, 0, false } }, false, "(**)|3" },
	{ "R146 failed again and again: not dialled", { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	  { { 1, 100, false, 5, 10, 2, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(2)|3!1" },
	{ "R146 nor a whole level", { { 10, 1 }, { 20, 3 } }, { { 1, 100, false, 5, 10, 2, 0, false } }, false, "(3)!1" },
	{ "R146 nor all there is", { { 10, 1 }, { 20, 2 } },
	  { { 1, 100, false, 5, 10, 2, 0, false }, { 2, 100, false, 5, 10, 3, 0, false } }, false, "!12" },
	{ "the pause is over: last of its level", { { 10, 1 }, { 10, 2 } },
	  { { 1, 100, false, 5, 120, 2, 0, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(2)[1]" },
	{ "broke off behind the dot: last of its level for a day", { { 10, 1 }, { 10, 2 }, { 20, 3 } },
	  { { 1, 100, false, 5, 80000, 1, 1, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(2)[1]|3" },
	{ "a day is enough", { { 10, 1 }, { 10, 2 } },
	  { { 1, 100, false, 5, 86400, 1, 1, false }, { 2, 300, false, 5, -1, 0, 0, false } }, false, "(1)[2]" },
	{ "and again: behind the next level", { { 10, 1 }, { 20, 2 }, { 20, 3 } },
	  { { 1, 100, false, 5, 8000, 2, 2, false }, { 2, 300, false, 5, -1, 0, 0, false }, { 3, 400, false, 5, -1, 0, 0, false } },
	  false, "(2)[3]|1" },
	{ "but not dropped", { { 10, 1 } }, { { 1, 100, false, 5, 8000, 5, 5, false } }, false, "(1)" },
	{ "RFC 8305 nothing is known: IPv6, and IPv4 behind it", { { 10, 1 }, { 10, 11 } }, { { 0, 0, false, 0, -1, 0, 0, false } },
	  false, "(b)[1]" },
	{ "RFC 8305 both families in turn", { { 10, 1 }, { 10, 2 }, { 10, 11 }, { 10, 12 } }, { { 0, 0, false, 0, -1, 0, 0, false } },
	  false, "(**)[**]" },
	{ "one is measured: the other family at the same time", { { 10, 1 }, { 10, 11 } }, { { 11, 300, false, 5, -1, 0, 0, false } },
	  false, "(b1)" },
	{ "both are: by latency", { { 10, 1 }, { 10, 11 } },
	  { { 11, 300, false, 5, -1, 0, 0, false }, { 1, 200, false, 5, -1, 0, 0, false } }, false, "(1)[b]" },
	{ "IPv4 alone waits for nobody", { { 10, 1 }, { 20, 11 } }, { { 0, 0, false, 0, -1, 0, 0, false } }, false, "(1)|b" },
	{ "refused our IPv6 address: IPv4", { { 10, 1 }, { 10, 11 } },
	  { { 11, 100, false, 5, -1, 0, 0, true }, { 1, 200, false, 5, -1, 0, 0, false } }, false, "(1)!b" },
	{ "of another level if need be", { { 10, 11 }, { 20, 1 } }, { { 11, 100, false, 5, -1, 0, 0, true } }, false, "(1)!b" },
	{ "without IPv4 there is no other way", { { 10, 11 } }, { { 11, 100, false, 5, -1, 0, 0, true } }, false, "(b)" },
	{ "all unknown: raced, one level only", { { 10, 1 }, { 10, 2 }, { 20, 3 } }, { { 0, 0, false, 0, -1, 0, 0, false } }, false, "(**)|3" },
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
	host->failed_s = k->failed_ago_s < 0 ? 0 : NOW - k->failed_ago_s;
	host->failures = k->failures;
	host->broken = k->broken;
	host->ipv4_until_s = k->no_ipv6 ? NOW + 1 : 0;
}

/* "1" to "9" for 192.0.2.x, "a" to "z" for IPv6 addresses from 10 on. */
static char
letter(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET6)
		return (char)('a' + ((const struct sockaddr_in6 *)ss)->sin6_addr.s6_addr[15] - 10);
	return (char)('0' + (ntohl(((const struct sockaddr_in *)ss)->sin_addr.s_addr) & 255));
}

/* Does the order match what the case expects? */
static bool
matches(const char *want, struct order_target *t, size_t n)
{
	int start_ms[DIAL_MAX];
	size_t usable = order_usable(t, n), race = order_race(t, usable, start_ms), i = 0;
	bool dialled = true, good = true;
	unsigned level = t[0].level;
	char where = 0;			/* of the race: '(' at once, '[' later */

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
			good = good && (*want == '*' || letter(t[i].address) == *want) && (!dialled || t[i].level == level);
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

		for (; mx.n < 6 && cases[c].mx[mx.n].preference; mx.n++) {
			x[mx.n].preference = cases[c].mx[mx.n].preference;
			x[mx.n].naddresses = 1;
			set_address(&x[mx.n].addresses[0], cases[c].mx[mx.n].octet);
		}
		for (size_t k = 0; k < 6 && cases[c].known[k].octet; k++)
			know(&h, &cases[c].known[k]);
		ok(matches(cases[c].order, t, order_targets(&mx, &h, cases[c].latency_only, NOW, FRESH, t)), "%s",
		    cases[c].name);
		hosts_done(&h);
	}
}

/* A domain that publishes more than anybody needs. */
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
	ok(n == ORDER_MAX, "512 addresses: bounded to 64");
	ok(order_race(t, n, start_ms) == DIAL_MAX, "and 16 in a race");
	for (size_t i = 0; i < mx.n; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there = there || t[k].exchanger == &x[i];
		hosts += there;
	}
	ok(hosts == MX_EXCHANGERS_MAX, "R138 each exchanger is among them");
	mx.n = 0;
	ok(order_targets(&mx, &h, false, NOW, FRESH, t) == 0 && order_race(t, 0, start_ms) == 0, "nothing gives nothing");
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
	ok(first == 15, "R135 unknown ones: each comes first some time");
}

int
main(void)
{
	test_order();
	test_bounds();
	test_ties();
	return tap_done();
}
