// SPDX-License-Identifier: ISC
/*
 * Two machines, each with its table of hosts, and facts that go from one to the other.
 */
#include "hosts/facts.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/lib/tap.h"

#define NOW INT64_C(1800000000)
#define AT  "192.0.2.1:25"
#define DEAD_LINE "0 " AT " mx.example 0 0 99999999 3 "

static struct hosts a, b;

static void
begin(void)
{
	hosts_done(&a);
	hosts_done(&b);
	hosts_pauses(&a, 60, 3600);
	hosts_pauses(&b, 60, 3600);
}

static void
learn(struct hosts *h, const char *address, enum host_event event, int64_t us, int64_t now_s)
{
	struct host_report r = { .event = event, .connect_us = us / 2, .first_us = us };

	(void)snprintf(r.address, sizeof r.address, "%s", address);
	(void)snprintf(r.name, sizeof r.name, "mx.example");
	hosts_learn(h, &r, now_s);
}

/* All that `from` has to tell; it comes later by so many seconds, and then again. */
static unsigned
tell(struct hosts *from, struct hosts *to, int64_t now_s, int64_t later_s)
{
	char space[300], line[400];
	struct buf fact = BUF(space);
	unsigned n = 0;

	for (; facts_next(from, now_s, &fact); n++) {
		const int len = snprintf(line, sizeof line, "%" PRId64 " %.*s\n", later_s,
		    (int)fact.n, fact.p);

		for (int i = 0; i < 2; i++)
			facts_take(to, slice_of(line, (size_t)len), now_s + later_s);
		facts_take(from, slice_of(line, (size_t)len), now_s + later_s);
	}
	return n;
}

static void
take(struct hosts *h, const char *line)
{
	facts_take(h, slice_str(line), NOW);
}

/* A host fails three times, and another one shows that the network is there. */
static void
fail(struct hosts *h, const char *address)
{
	for (int i = 0; i <= 400; i += 50) {
		learn(h, "192.0.2.9:25", HOST_OPEN, 20000, NOW - 400 + i);
		if (i % 200 == 0)
			learn(h, address, HOST_FAILED, 0, NOW - 400 + i);
	}
}

static int64_t
paused(const struct hosts *h, int64_t now_s)
{
	const struct host *host = hosts_find(h, AT);

	return host ? hosts_paused_until(h, host, now_s) : 0;
}

static void
test_pause(void)
{
	begin();
	fail(&a, AT);
	ok(tell(&a, &b, NOW, 7) == 2 && paused(&b, NOW + 7) == paused(&a, NOW + 7) &&
	    paused(&b, NOW + 7) > NOW, "a host that one machine cannot reach is paused on others");
	ok(tell(&a, &b, NOW, 7) == 0 && tell(&b, &a, NOW, 7) == 0,
	    "a fact is told once, and only by the machine that learned it");
	ok(paused(&b, NOW + 3700) == 0, "the pause ends");
	learn(&b, "192.0.2.9:25", HOST_OPEN, 20000, NOW + 20);
	ok(paused(&b, NOW + 20) > 0, "a greeting of another host does not end it");
	learn(&b, AT, HOST_OPEN, 20000, NOW + 30);
	learn(&b, AT, HOST_PROVEN, 0, NOW + 30);
	ok(paused(&b, NOW + 30) == 0, "its own success does");
	(void)tell(&b, &a, NOW + 31, 0);
	ok(paused(&a, NOW + 31) > 0, "but not for the machine that failed itself");
	learn(&a, AT, HOST_FAILED, 0, NOW + 500);
	(void)tell(&a, &b, NOW + 500, 0);
	ok(paused(&b, NOW + 500) == 0, "which does not pause it again for one that reached it");

	begin();
	fail(&a, AT);
	(void)tell(&a, &b, NOW, 0);
	learn(&b, AT, HOST_FAILED, 0, NOW + 1000);
	ok(hosts_find(&b, AT)->failures == 4 && paused(&b, NOW + 1000) > NOW + 1000,
	    "an own failure after the pause makes a longer one");
}

static void
test_return(void)
{
	static struct hosts c;

	begin();
	hosts_done(&c);
	fail(&a, AT);
	(void)tell(&a, &b, NOW, 0);
	learn(&c, AT, HOST_OPEN, 20000, NOW + 5);
	(void)tell(&c, &b, NOW + 6, 0);
	ok(paused(&b, NOW + 6) == 0, "a third machine reaches it: what others told is over");
	hosts_done(&c);
}

static void
test_own_network(void)
{
	begin();
	for (int i = 0; i < 3; i++)
		learn(&a, AT, HOST_FAILED, 0, NOW - 400 + 200 * i);
	ok(tell(&a, &b, NOW, 0) == 0 && b.n == 0, "without a greeting no failure is told");
	learn(&a, "192.0.2.9:25", HOST_OPEN, 20000, NOW);
	ok(tell(&a, &b, NOW, 0) == 2, "with one it is");
	ok(hosts_find(&b, AT)->failures == 1 && paused(&b, NOW) == 0,
	    "after an outage of our own network it counts once");
}

static void
test_forgive(void)
{
	begin();
	fail(&a, AT);
	learn(&a, AT, HOST_NO_IPV6, 0, NOW);
	hosts_forgive(&b, NOW + 10);
	(void)tell(&a, &b, NOW, 12);
	ok(paused(&b, NOW + 12) == 0 && (!hosts_find(&b, AT) ||
	    hosts_find(&b, AT)->ipv4_until_s == 0), "an old fact does not undo a flush");
	learn(&a, AT, HOST_FAILED, 0, NOW + 600);
	learn(&a, "192.0.2.9:25", HOST_OPEN, 20000, NOW + 600);
	(void)tell(&a, &b, NOW + 600, 1);
	ok(paused(&b, NOW + 601) > 0, "a new one counts");
	hosts_forgive(&a, NOW + 610);
	learn(&a, AT, HOST_FAILED, 0, NOW + 620);
	ok(paused(&a, NOW + 620) > 0, "a failure after a flush counts at once");
}

static void
test_latency(void)
{
	begin();
	learn(&a, AT, HOST_OPEN, 20000, NOW);
	(void)tell(&a, &b, NOW, 3);
	ok(hosts_find(&b, AT)->first_us == 20000 && hosts_find(&b, AT)->measured_s == NOW &&
	    b.good_s == 0, "a latency is used where the host was never measured");
	learn(&a, AT, HOST_OPEN, 80000, NOW + 700);
	(void)tell(&a, &b, NOW + 700, 0);
	ok(hosts_find(&b, AT)->first_us == hosts_find(&a, AT)->first_us, "a newer one, too");
	learn(&b, AT, HOST_OPEN, 5000, NOW + 710);
	ok(hosts_find(&b, AT)->first_us == 5000, "it is not averaged with an own one");
	learn(&a, AT, HOST_OPEN, 90000, NOW + 1400);
	ok(tell(&a, &b, NOW + 1400, 0) == 1 && hosts_find(&b, AT)->first_us == 5000,
	    "which counts more from then on");
	for (int i = 0; i < 50; i++)
		learn(&a, AT, HOST_OPEN, hosts_find(&a, AT)->first_us, NOW + 1401 + i);
	ok(tell(&a, &b, NOW + 1460, 0) == 0, "one that stays the same is not told again at once");
}

static void
test_ipv6(void)
{
	const char *six = "[2001:db8::1]:25";

	begin();
	learn(&a, six, HOST_NO_IPV6, 0, NOW);
	(void)tell(&a, &b, NOW, 5);
	ok(hosts_find(&b, six)->ipv4_until_s == NOW + HOSTS_IPV4_S, "IPv6 trouble is told");
	learn(&b, six, HOST_PROVEN, 0, NOW + 10);
	ok(hosts_find(&b, six)->ipv4_until_s == 0, "an own success ends it");
	a.list[0].marks |= HOST_MARK_UNTOLD;
	a.untold = true;
	ok(tell(&a, &b, NOW + 20, 0) == 1 && hosts_find(&b, six)->ipv4_until_s == 0,
	    "and it does not come again");
	ok(!(hosts_find(&a, six)->marks & HOST_MARK_IPV4), "the fact of a machine stays its own");
	begin();
	learn(&a, six, HOST_NO_IPV6, 0, NOW + 3650 * 86400);
	learn(&a, six, HOST_OPEN, 90000, NOW);
	ok(tell(&a, &b, NOW, 5) == 1 && hosts_find(&b, six) && !hosts_find(&b, six)->ipv4_until_s,
	    "nor is that of a clock that was ahead told");
	learn(&b, six, HOST_NO_IPV6, 0, NOW);
	b.list[0].marks |= HOST_MARK_UNTOLD;
	ok(tell(&b, &a, NOW, 0) && hosts_find(&a, six)->ipv4_until_s == NOW + HOSTS_IPV4_S,
	    "and a right clock's takes its place");
}

static const struct {
	const char *name, *line;
	bool good;
} lines[] = {
	{ "a fact", DEAD_LINE "5 9 0 0 99999999\n", true },
	{ "IPv6", "0 [2001:db8::1]:25 mx.example 0 9 1 0 0 0 0 0 1\n", true },
	{ "without an end", DEAD_LINE "5 9 0 0 99999999", true },
	{ "without its last number", DEAD_LINE "5 9 0 0\n", false },
	{ "with one more", DEAD_LINE "5 9 0 0 1 1\n", false },
	{ "it failed before it began to", DEAD_LINE "9 5 0 0 1\n", false },
	{ "it never failed", DEAD_LINE "99999999 99999999 0 0 1\n", false },
	{ "it broke off more often than it failed", DEAD_LINE "5 9 4 0 1\n", false },
	{ "IPv6 trouble for a year", DEAD_LINE "5 9 0 31536000 1\n", false },
	{ "a word", DEAD_LINE "5 9 x 0 1\n", false },
	{ "a negative number", DEAD_LINE "-5 9 0 0 1\n", false },
	{ "a name", "0 mx.example:25 mx.example 0 9 1 0 0 0 0 0 1\n", false },
	{ "no port", "0 192.0.2.1 mx.example 0 9 1 0 0 0 0 0 1\n", false },
	{ "another form of the address", "0 192.0.2.1@25 mx 0 9 1 0 0 0 0 0 1\n", false },
	{ "an odd host name", "0 192.0.2.1:25 m<x 0 9 1 0 0 0 0 0 1\n", false },
	{ "no name", "0 192.0.2.1:25  0 9 1 0 0 0 0 0 1\n", false },
	{ "a year ago", "31536000 192.0.2.1:25 mx 0 9 1 0 0 0 0 0 1\n", false },
	{ "a latency of an hour", "0 192.0.2.1:25 mx 0 3600000000 1 0 0 0 0 0 1\n", false },
	{ "a greeting before the connection", "0 192.0.2.1:25 mx 9 8 1 0 0 0 0 0 1\n", false },
	{ "nothing", "\n", false },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		begin();
		take(&b, lines[i].line);
		ok((b.n == 1) == lines[i].good, "%s is %s", lines[i].name,
		    lines[i].good ? "taken" : "refused");
	}
	begin();
	take(&b, "0 " AT " mx 0 0 1 1000000 0 500 0 0 1\n");
	ok(paused(&b, NOW) == NOW + 3600, "no pause is longer than the longest of this machine");
	take(&b, "0 " AT " mx 0 9 1 0 0 0 0 0 0\nrubbish\n0 192.0.2.2:25 mx 0 9 1 0 0 0 0 0 0\n");
	ok(b.n == 2, "good lines around a bad one");
}

static void
test_full(void)
{
	char line[100];
	struct host_report r = { .event = HOST_OPEN, .first_us = 5, .name = "mx" };

	begin();
	learn(&b, AT, HOST_OPEN, 7, NOW - 86400);
	for (int i = 0; i < HOSTS_MAX + 10; i++) {
		(void)snprintf(line, sizeof line, "0 10.0.%d.%d:25 mx 0 9 1 0 0 0 0 0 1\n",
		    i / 256, i % 256);
		take(&b, line);
	}
	ok(b.n == HOSTS_MAX && hosts_find(&b, AT), "facts fill the table");
	for (int i = 0; i < 100; i++) {
		(void)snprintf(r.address, sizeof r.address, "172.16.0.%d:25", i);
		hosts_learn(&b, &r, NOW - 80000);
	}
	ok(hosts_find(&b, AT) && hosts_find(&b, "172.16.0.0:25"),
	    "and give way to what this machine learns");
}

int
main(void)
{
	test_pause();
	test_return();
	test_own_network();
	test_forgive();
	test_latency();
	test_ipv6();
	test_lines();
	test_full();
	begin();
	return tap_done();
}
