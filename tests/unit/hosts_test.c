// SPDX-License-Identifier: ISC
#include "hosts/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static struct host_report
heard(const char *address, enum host_event event, int64_t connect_us, int64_t first_us)
{
	struct host_report r = { .event = event, .connect_us = connect_us, .first_us = first_us };

	(void)snprintf(r.address, sizeof r.address, "%s", address);
	(void)snprintf(r.name, sizeof r.name, "mx.example");
	return r;
}

/* What is known after a series of reports about one address. */
static const struct learning {
	const char *name;
	struct { enum host_event event; int64_t connect_us, first_us; int64_t after_s; } said[5];
	int64_t connect_us, first_us;
	bool at_least;
	unsigned failures;
	bool measured, failed;
	unsigned broken;
} learnings[] = {
	{ "first sample is taken as it is", { { HOST_OPEN, 1000, 8000, 0 } }, 1000, 8000, false, 0, true, false, 0 },
	{ "a second one counts a quarter", { { HOST_OPEN, 1000, 8000, 0 }, { HOST_OPEN, 2000, 4000, 0 } },
	  1250, 7000, false, 0, true, false, 0 },
	{ "cut off: a lower bound", { { HOST_SLOW, 500, 9000, 0 } }, 500, 9000, true, 0, true, false, 0 },
	{ "a higher bound raises a bound", { { HOST_SLOW, 500, 9000, 0 }, { HOST_SLOW, 0, 12000, 0 } },
	  500, 12000, true, 0, true, false, 0 },
	{ "a lower bound does not lower a bound", { { HOST_SLOW, 500, 9000, 0 }, { HOST_SLOW, 500, 100, 0 } },
	  500, 9000, true, 0, true, false, 0 },
	{ "a lower bound does not lower a measurement", { { HOST_OPEN, 1000, 8000, 0 }, { HOST_SLOW, 1000, 100, 0 } },
	  1000, 8000, false, 0, true, false, 0 },
	{ "a higher bound raises a measurement by a quarter", { { HOST_OPEN, 1000, 8000, 0 }, { HOST_SLOW, 1000, 16000, 0 } },
	  1000, 10000, false, 0, true, false, 0 },
	{ "a measurement replaces a bound", { { HOST_SLOW, 0, 9000, 0 }, { HOST_OPEN, 700, 3000, 0 } },
	  700, 3000, false, 0, true, false, 0 },
	{ "R146 a failure", { { HOST_FAILED, 0, 0, 0 } }, 0, 0, false, 1, false, true, 0 },
	{ "R146 failures count in a row", { { HOST_FAILED, 0, 0, 0 }, { HOST_FAILED, 0, 0, 60 } }, 0, 0, false, 2, false, true, 0 },
	{ "those within the pause are the same", { { HOST_FAILED, 0, 0, 0 }, { HOST_FAILED, 0, 0, 59 } }, 0, 0, false, 1, false, true, 0 },
	{ "the next pause is longer", { { HOST_FAILED, 0, 0, 0 }, { HOST_FAILED, 0, 0, 60 }, { HOST_FAILED, 0, 0, 119 } },
	  0, 0, false, 2, false, true, 0 },
	{ "but not too long", { { HOST_FAILED, 0, 0, 0 }, { HOST_FAILED, 0, 0, 60 }, { HOST_FAILED, 0, 0, 120 } },
	  0, 0, false, 3, false, true, 0 },
	{ "a clock that was set back", { { HOST_FAILED, 0, 0, 0 }, { HOST_FAILED, 0, 0, -500 } }, 0, 0, false, 2, false, true, 0 },
	{ "a failure keeps what was measured", { { HOST_OPEN, 1000, 8000, 0 }, { HOST_FAILED, 0, 0, 0 } },
	  1000, 8000, false, 1, true, true, 0 },
	{ "a greeting does not end the row", { { HOST_FAILED, 0, 0, 0 }, { HOST_OPEN, 1000, 8000, 0 } }, 1000, 8000, false, 1, true, true, 0 },
	{ "a transaction does", { { HOST_FAILED, 0, 0, 0 }, { HOST_OPEN, 1000, 8000, 0 }, { HOST_PROVEN, 0, 0, 0 } },
	  1000, 8000, false, 0, true, true, 0 },
	{ "being cut off does not", { { HOST_FAILED, 0, 0, 0 }, { HOST_SLOW, 0, 100, 0 } }, 0, 100, true, 1, true, true, 0 },
	{ "R144 a host that refuses is there: one failure, never more", { { HOST_REFUSED, 0, 0, 0 }, { HOST_REFUSED, 0, 0, 600 },
	  { HOST_REFUSED, 0, 0, 600 } }, 0, 0, false, 1, false, true, 0 },
	{ "also after it was away", { { HOST_FAILED, 0, 0, 0 }, { HOST_FAILED, 0, 0, 600 }, { HOST_REFUSED, 0, 0, 600 } },
	  0, 0, false, 1, false, true, 0 },
	{ "broken off behind the dot", { { HOST_BROKE, 0, 0, 0 } }, 0, 0, false, 1, false, true, 1 },
	{ "again, by several at the same time", { { HOST_BROKE, 0, 0, 0 }, { HOST_BROKE, 0, 0, 1 }, { HOST_BROKE, 0, 0, 300 } },
	  0, 0, false, 2, false, true, 2 },
	{ "a transaction ends that too", { { HOST_BROKE, 0, 0, 0 }, { HOST_PROVEN, 0, 0, 1 } }, 0, 0, false, 0, false, true, 0 },
};

static void
test_learning(void)
{
	for (size_t i = 0; i < sizeof learnings / sizeof learnings[0]; i++) {
		const struct learning *c = &learnings[i];
		struct hosts h = { 0 };
		const struct host *host;
		int64_t now_s = 1000;

		for (size_t k = 0; k < 5 && c->said[k].event != HOST_RESTING; k++) {
			struct host_report r = heard("192.0.2.1:25", c->said[k].event, c->said[k].connect_us,
			    c->said[k].first_us);

			now_s += c->said[k].after_s;
			hosts_learn(&h, &r, now_s);
		}
		host = hosts_find(&h, "192.0.2.1:25");
		ok(host && host->connect_us == c->connect_us && host->first_us == c->first_us &&
		    host->at_least == c->at_least && host->failures == c->failures && host->broken == c->broken &&
		    (host->measured_s != 0) == c->measured && (host->failed_s != 0) == c->failed &&
		    (host->since_s != 0) == (c->failures > 0) && h.changed, "%s", c->name);
		hosts_done(&h);
	}
}

/* Failures at these times; how long the host is left alone behind the last. */
static const struct pause {
	const char *name;
	uint64_t retry_min_s, retry_max_s;
	int64_t failed_s[6];
	int64_t until_s;		/* asked at the time of the last failure */
} pauses[] = {
	{ "R146 one failure: none", 300, 14400, { 1000 }, 0 },
	{ "R146 two: two minutes", 300, 14400, { 1000, 1300 }, 1420 },
	{ "R146 three: four", 300, 14400, { 1000, 1300, 1900 }, 2140 },
	{ "R146 two in one minute are one", 300, 14400, { 1000, 1050 }, 0 },
	{ "an hour at most", 300, 14400, { 1000, 10000, 20000, 30000, 40000, 50000 }, 51920 },
	{ "no longer than retry-max", 300, 600, { 1000, 10000, 20000, 30000, 40000, 50000 }, 50600 },
	{ "short with a short retry-min", 4, 14400, { 1000, 1004 }, 1008 },
	{ "a second at least", 1, 2, { 1000, 1002 }, 1004 },
};

static void
test_pauses(void)
{
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		const struct pause *p = &pauses[i];
		struct host_report r = heard("192.0.2.1:25", HOST_FAILED, 0, 0), good = heard("192.0.2.1:25", HOST_PROVEN, 0, 0);
		struct hosts h = { 0 };
		int64_t now_s = 0, until_s;

		hosts_pauses(&h, p->retry_min_s, p->retry_max_s);
		for (size_t k = 0; k < 6 && p->failed_s[k]; k++) {
			now_s = p->failed_s[k];
			hosts_learn(&h, &r, now_s);
		}
		until_s = hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s);
		ok(until_s == p->until_s, "%s: %lld", p->name, (long long)until_s);
		if (until_s) {
			ok(!hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), until_s), "%s: then it is over", p->name);
			ok(!hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s - 1), "%s: a clock set back ends it", p->name);
			h.forgiven_s = now_s;
			ok(!hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s), "%s: --flush ends it", p->name);
			h.forgiven_s = 0;
			hosts_learn(&h, &good, now_s);
			ok(!hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s), "%s: and so does success", p->name);
		}
		hosts_done(&h);
	}
}

/* R134: what is remembered of TLS. */
static void
test_tls(void)
{
	struct hosts h = { 0 };
	struct host_report r = heard("192.0.2.1:25", HOST_REFUSED, 0, 0);

	r.tls = HOST_TLS_FAILED;
	hosts_learn(&h, &r, 1000);
	ok(hosts_find(&h, "192.0.2.1:25")->tls_failed_s == 1000, "R134 a handshake that failed is remembered");
	r = heard("192.0.2.1:25", HOST_OPEN, 1, 1);
	hosts_learn(&h, &r, 2000);
	ok(hosts_find(&h, "192.0.2.1:25")->tls_failed_s == 1000, "R134 a session without TLS says nothing of it");
	r.tls = HOST_TLS_GOOD;
	hosts_learn(&h, &r, 3000);
	ok(hosts_find(&h, "192.0.2.1:25")->tls_failed_s == 0, "R134 one that did not fail ends that");
	hosts_done(&h);
}

/* Two hosts fail, twice each; nobody answered since the first of them began, or before the second did. */
static void
test_outage(void)
{
	struct host_report one = heard("192.0.2.1:25", HOST_FAILED, 0, 0), two = heard("192.0.2.2:25", HOST_FAILED, 0, 0);
	struct host_report good = heard("192.0.2.3:25", HOST_OPEN, 1, 1);
	struct hosts h = { 0 };

	hosts_learn(&h, &one, 1000);
	hosts_learn(&h, &good, 1010);
	hosts_learn(&h, &two, 1020);
	hosts_learn(&h, &one, 1100);
	hosts_learn(&h, &two, 1100);
	ok(hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), 1101) && hosts_rests_until(&h, hosts_find(&h, "192.0.2.2:25"), 1101),
	    "both are left alone");
	hosts_learn(&h, &good, 1102);
	ok(hosts_rests_until(&h, hosts_find(&h, "192.0.2.1:25"), 1103), "one failed while others did not: it is still left alone");
	ok(!hosts_rests_until(&h, hosts_find(&h, "192.0.2.2:25"), 1103), "the other did while nobody answered: that may have been us");
	hosts_learn(&h, &two, 1200);
	hosts_learn(&h, &good, 1300);
	ok(hosts_rests_until(&h, hosts_find(&h, "192.0.2.2:25"), 1300), "but only once");
	hosts_done(&h);
}

/* In words. */
static const struct {
	const char *name;
	struct host host;
	const char *text;
} states[] = {
	{ "nothing", { .address = "a" }, "unknown" },
	{ "measured", { .first_us = 1 }, "good" },
	{ "bounded", { .first_us = 1, .at_least = true }, "slower than others" },
	{ "failed once", { .first_us = 1, .failures = 1, .failed_s = 1763787773, .since_s = 1763787773 }, "failed last time, tried after others" },
	{ "rests", { .failures = 2, .failed_s = 1763787773, .since_s = 1763787000 },
	  "fails since 2025-11-22T04:50:00Z (2 times), left alone until 2025-11-22T05:04:53Z" },
	{ "breaks off", { .failures = 2, .broken = 2, .failed_s = 1763780000, .since_s = 1763780000 }, "takes mail and breaks off, tried after all others" },
	{ "no IPv6", { .first_us = 1, .ipv4_until_s = 1763787775, .tls_failed_s = 5 },
	  "good; refused our IPv6 address, IPv4 until 2025-11-22T05:02:55Z; TLS failed last time" },
	{ "no IPv6, long ago", { .ipv4_until_s = 1763787774 }, "unknown" },
};

static void
test_states(void)
{
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		const struct hosts h = { 0 };
		char space[300];
		struct buf b = BUF(space);

		hosts_state(&b, &h, &states[i].host, 1763787774);
		is(buf_slice(&b), slice_str(states[i].text), states[i].name);
	}
}

static void
test_ignored(void)
{
	static const char *const addresses[] = { "", "a b", "a\nb" };
	struct hosts h = { 0 };
	struct host_report r = heard("192.0.2.1:25", HOST_RESTING, 0, 0);

	hosts_learn(&h, &r, 1);
	ok(h.n == 0 && !h.changed, "what was not tried is not learned");
	for (size_t i = 0; i < 3; i++) {
		r = heard(addresses[i], HOST_OPEN, 1, 1);
		hosts_learn(&h, &r, 1);
	}
	ok(h.n == 0, "an address that could break a line is not kept");
	hosts_done(&h);
}

static void
test_bound(void)
{
	struct hosts h = { 0 };
	char address[64];
	bool sorted = true;

	for (int i = 0; i < HOSTS_MAX + 10; i++) {
		struct host_report r;

		(void)snprintf(address, sizeof address, "10.%d.%d.1:25", (i * 7919) % 250, i);
		r = heard(address, HOST_OPEN, 1, 1 + i);
		hosts_learn(&h, &r, i == 5 ? 1000000 : 1000 + i);
	}
	for (size_t i = 1; i < h.n; i++)
		sorted = sorted && strcmp(h.list[i - 1].address, h.list[i].address) < 0;
	ok(h.n == HOSTS_MAX, "the table is bounded");
	ok(sorted, "the table is sorted");
	ok(hosts_find(&h, "10.0.0.1:25") == NULL, "the stalest is forgotten first");
	(void)snprintf(address, sizeof address, "10.%d.%d.1:25", (5 * 7919) % 250, 5);
	ok(hosts_find(&h, address) != NULL, "an old one that was heard of since stays");
	ok(hosts_find(&h, "10.0") == NULL, "a prefix is not found");
	hosts_done(&h);
}

static void
put_file(int dir, const char *text, size_t n)
{
	int fd = openat(dir, "hosts", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
}

static void
test_round_trip(int dir)
{
	struct hosts h, again;
	struct host_report a = heard("192.0.2.1:25", HOST_OPEN, 1500, 12000);
	struct host_report b = heard("[2001:db8::1]:25", HOST_SLOW, 0, 35000);
	struct host_report c = heard("192.0.2.9:25", HOST_FAILED, 0, 0);
	struct stat st;

	hosts_load(&h, dir);
	ok(h.n == 0, "without a file the table is empty");
	c.tls = HOST_TLS_FAILED;
	hosts_learn(&h, &a, 1763787773);
	hosts_learn(&h, &b, 1763787774);
	hosts_learn(&h, &c, 1763787775);
	ok(hosts_save(&h, dir) == 0 && !h.changed, "saved");
	hosts_load(&again, dir);
	ok(again.n == 3 && memcmp(again.list, h.list, 3 * sizeof *h.list) == 0, "comes back as it was");
	ok(!again.changed, "and counts as unchanged");
	ok(fstatat(dir, "hosts", &st, 0) == 0 && (st.st_mode & 0777) == 0600, "readable for the service only");
	hosts_done(&h);
	hosts_done(&again);
	h = (struct hosts){ 0 };
	ok(hosts_save(&h, -1) < 0, "a folder that is none is an error");
	hosts_done(&h);
}

static const struct damaged {
	const char *name, *text;
	size_t hosts;
} damages[] = {
	{ "empty", "", 0 },
	{ "a line", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\n", 1 },
	{ "a bound", "192.0.2.1:25 mx 1 >2 3 4 5 0 0 0 0\n", 1 },
	{ "without its end", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0", 0 },
	{ "a field too few", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0\n", 0 },
	{ "a field too many", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6\n", 0 },
	{ "no number", "192.0.2.1:25 mx 1 2 3 4 x 0 0 0 0\n", 0 },
	{ "a negative number", "192.0.2.1:25 mx 1 -2 3 4 5 0 0 0 0\n", 0 },
	{ "a number too large", "192.0.2.1:25 mx 1 99999999999999999999 3 4 5 0 0 0 0\n", 0 },
	{ "failures too large", "192.0.2.1:25 mx 1 2 3 4 4294967297 0 0 0 0\n", 0 },
	{ "a control character", "192.0.2.1:25 m\001x 1 2 3 4 5 0 0 0 0\n", 0 },
	{ "an address too long", "1234567890123456789012345678901234567890123456789012345678901234 mx 1 2 3 4 5 0 0 0 0\n", 0 },
	{ "twice the same", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\n192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\n", 1 },
	{ "good lines around a bad one", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\nrubbish\n192.0.2.0:25 mx 1 2 3 4 5 0 0 0 0\n", 2 },
};

static void
test_damaged(int dir)
{
	struct hosts h;
	char text[700];

	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		put_file(dir, damages[i].text, strlen(damages[i].text));
		hosts_load(&h, dir);
		ok(h.n == damages[i].hosts, "file: %s", damages[i].name);
		hosts_done(&h);
	}
	memset(text, 'x', sizeof text);
	memcpy(text + 511, "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\n", 34);
	put_file(dir, text, 511 + 34);
	hosts_load(&h, dir);
	ok(h.n == 0, "file: the tail of a long line is no line");
	hosts_done(&h);
	put_file(dir, "192.0.2.1:25 mx\0 1 2 3 4 5 0 0 0 0\n192.0.2.2:25 mx 1 2 3 4 5 0 0 0 0\n", 70);
	hosts_load(&h, dir);
	ok(h.n <= 1 && !hosts_find(&h, "192.0.2.1:25"), "file: a NUL spoils its line");
	hosts_done(&h);
}

static void
test_key(void)
{
	static const struct { int family; const char *address, *key; } cases[] = {
		{ AF_INET, "192.0.2.1", "192.0.2.1:25" },
		{ AF_INET6, "2001:db8::1", "[2001:db8::1]:25" },
		{ AF_INET6, "::ffff:192.0.2.1", "192.0.2.1:25" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sockaddr_storage ss = { 0 };
		char key[64];

		ss.ss_family = (sa_family_t)cases[i].family;
		if (cases[i].family == AF_INET)
			(void)inet_pton(AF_INET, cases[i].address, &((struct sockaddr_in *)&ss)->sin_addr);
		else
			(void)inet_pton(AF_INET6, cases[i].address, &((struct sockaddr_in6 *)&ss)->sin6_addr);
		((struct sockaddr_in *)&ss)->sin_port = htons(25);
		host_key(key, &ss);
		is(slice_str(key), slice_str(cases[i].key), "an address as a key");
	}
}

int
main(void)
{
	char dir[] = "/tmp/hosts_test.XXXXXX";
	int fd;

	if (!mkdtemp(dir) || (fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0)
		return 1;
	test_learning();
	test_pauses();
	test_tls();
	test_outage();
	test_states();
	test_ignored();
	test_bound();
	test_round_trip(fd);
	test_damaged(fd);
	test_key();
	(void)unlinkat(fd, "hosts", 0);
	ok(rmdir(dir) == 0, "nothing else was left behind");
	return tap_done();
}
