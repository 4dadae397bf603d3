// SPDX-License-Identifier: ISC
#include "hosts/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cidr.h"
#include "tests/lib/tap.h"

static struct host_report
report_of(const char *address, enum host_event event, int64_t connect_us, int64_t first_us)
{
	struct host_report r = { .event = event, .connect_us = connect_us, .first_us = first_us };

	(void)snprintf(r.address, sizeof r.address, "%s", address);
	(void)snprintf(r.name, sizeof r.name, "mx.example");
	return r;
}

#define OPENED(connect, first) { .event = HOST_OPEN, .connect_us = connect, .first_us = first }
#define SLOWER(connect, first) { .event = HOST_SLOW, .connect_us = connect, .first_us = first }
#define OPENED_AFTER(seconds, first) \
	{ .event = HOST_OPEN, .connect_us = 1000, .first_us = first, .after_s = seconds }
#define SLOWER_AFTER(seconds, first) \
	{ .event = HOST_SLOW, .connect_us = 1000, .first_us = first, .after_s = seconds }
#define AFTER(seconds, kind)   { .event = kind, .after_s = seconds }

/* The knowledge after a series of reports about one address. */
static const struct learning {
	const char *name;
	struct {
		enum host_event event;
		int64_t connect_us, first_us;
		int64_t after_s;	/* since the report before */
	} reports[5];
	int64_t connect_us, first_us;
	bool at_least;
	unsigned failures;
	bool measured, failed;
	unsigned broken;
} learnings[] = {
	{ .name = "the first sample counts as it is",
	  .reports = { OPENED(1000, 8000) }, .connect_us = 1000, .first_us = 8000,
	  .measured = true },
	{ .name = "a second sample counts a quarter",
	  .reports = { OPENED(1000, 8000), OPENED(2000, 4000) }, .connect_us = 1250,
	  .first_us = 7000, .measured = true },
	{ .name = "a sample within ten minutes counts a quarter",
	  .reports = { OPENED(1000, 8000), OPENED_AFTER(599, 4000) }, .connect_us = 1000,
	  .first_us = 7000, .measured = true },
	{ .name = "an older measurement is replaced",
	  .reports = { OPENED(1000, 8000), OPENED_AFTER(600, 4000) }, .connect_us = 1000,
	  .first_us = 4000, .measured = true },
	{ .name = "cut off: a lower bound",
	  .reports = { SLOWER(500, 9000) }, .connect_us = 500, .first_us = 9000, .at_least = true,
	  .measured = true },
	{ .name = "a higher bound raises a bound",
	  .reports = { SLOWER(500, 9000), SLOWER(0, 12000) }, .connect_us = 500, .first_us = 12000,
	  .at_least = true, .measured = true },
	{ .name = "a lower bound does not lower a bound",
	  .reports = { SLOWER(500, 9000), SLOWER(500, 100) }, .connect_us = 500, .first_us = 9000,
	  .at_least = true, .measured = true },
	{ .name = "a lower bound does not lower a measurement",
	  .reports = { OPENED(1000, 8000), SLOWER(1000, 100) }, .connect_us = 1000,
	  .first_us = 8000, .measured = true },
	{ .name = "a higher bound raises a measurement by a quarter",
	  .reports = { OPENED(1000, 8000), SLOWER(1000, 16000) }, .connect_us = 1000,
	  .first_us = 10000, .measured = true },
	{ .name = "a higher bound replaces an older measurement",
	  .reports = { OPENED(1000, 8000),
	      SLOWER_AFTER(600, 9000) },
	  .connect_us = 1000, .first_us = 9000, .at_least = true, .measured = true },
	{ .name = "a lower bound replaces an older measurement, too",
	  .reports = { OPENED(1000, 8000), SLOWER_AFTER(600, 100) },
	  .connect_us = 1000, .first_us = 100, .at_least = true, .measured = true },
	{ .name = "a lower bound does not make a measurement any newer",
	  .reports = { OPENED(1000, 8000), SLOWER_AFTER(599, 100), OPENED_AFTER(1, 4000) },
	  .connect_us = 1000, .first_us = 4000, .measured = true },
	{ .name = "a lower bound replaces an older bound",
	  .reports = { SLOWER(1000, 9000), SLOWER_AFTER(600, 100) },
	  .connect_us = 1000, .first_us = 100, .at_least = true, .measured = true },
	{ .name = "a measurement replaces a bound",
	  .reports = { SLOWER(0, 9000), OPENED(700, 3000) }, .connect_us = 700, .first_us = 3000,
	  .measured = true },
	{ .name = "R146 a failure",
	  .reports = { AFTER(0, HOST_FAILED) }, .failures = 1, .failed = true },
	{ .name = "R146 failures count in a row",
	  .reports = { AFTER(0, HOST_FAILED), AFTER(60, HOST_FAILED) }, .failures = 2,
	  .failed = true },
	{ .name = "R146 failures within the pause count once",
	  .reports = { AFTER(0, HOST_FAILED), AFTER(59, HOST_FAILED) }, .failures = 1,
	  .failed = true },
	{ .name = "the next pause is longer",
	  .reports = { AFTER(0, HOST_FAILED), AFTER(60, HOST_FAILED), AFTER(119, HOST_FAILED) },
	  .failures = 2, .failed = true },
	{ .name = "a failure after the longer pause counts",
	  .reports = { AFTER(0, HOST_FAILED), AFTER(60, HOST_FAILED), AFTER(120, HOST_FAILED) },
	  .failures = 3, .failed = true },
	{ .name = "a clock that was set back",
	  .reports = { AFTER(0, HOST_FAILED), AFTER(-500, HOST_FAILED) }, .failures = 2,
	  .failed = true },
	{ .name = "a failure keeps the measurement",
	  .reports = { OPENED(1000, 8000), AFTER(0, HOST_FAILED) }, .connect_us = 1000,
	  .first_us = 8000, .failures = 1, .measured = true, .failed = true },
	{ .name = "a greeting does not end the row",
	  .reports = { AFTER(0, HOST_FAILED), OPENED(1000, 8000) }, .connect_us = 1000,
	  .first_us = 8000, .failures = 1, .measured = true, .failed = true },
	{ .name = "a transaction ends the row",
	  .reports = { AFTER(0, HOST_FAILED), OPENED(1000, 8000), AFTER(0, HOST_PROVEN) },
	  .connect_us = 1000, .first_us = 8000, .measured = true, .failed = true },
	{ .name = "a lower bound does not end the row",
	  .reports = { AFTER(0, HOST_FAILED), SLOWER(0, 100) }, .first_us = 100, .at_least = true,
	  .failures = 1, .measured = true, .failed = true },
	{ .name = "R144 a host that refuses has answered: one failure, never more",
	  .reports = { AFTER(0, HOST_REFUSED), AFTER(600, HOST_REFUSED), AFTER(600, HOST_REFUSED) },
	  .failures = 1, .failed = true },
	{ .name = "R144 the same after it did not answer",
	  .reports = { AFTER(0, HOST_FAILED), AFTER(600, HOST_FAILED), AFTER(600, HOST_REFUSED) },
	  .failures = 1, .failed = true },
	{ .name = "broken off after the dot",
	  .reports = { AFTER(0, HOST_BROKE) }, .failures = 1, .failed = true, .broken = 1 },
	{ .name = "broken off again, several times in one pause",
	  .reports = { AFTER(0, HOST_BROKE), AFTER(1, HOST_BROKE), AFTER(300, HOST_BROKE) },
	  .failures = 2, .failed = true, .broken = 2 },
	{ .name = "a transaction also ends that",
	  .reports = { AFTER(0, HOST_BROKE), AFTER(1, HOST_PROVEN) }, .failed = true },
};

static void
test_learning(void)
{
	for (size_t i = 0; i < sizeof learnings / sizeof learnings[0]; i++) {
		const struct learning *c = &learnings[i];
		struct hosts h = { 0 };
		const struct host *host;
		int64_t now_s = 1000;

		for (size_t k = 0; k < 5 && c->reports[k].event != HOST_NOTHING; k++) {
			struct host_report r = report_of("192.0.2.1:25", c->reports[k].event,
			    c->reports[k].connect_us, c->reports[k].first_us);

			now_s += c->reports[k].after_s;
			hosts_learn(&h, &r, now_s);
		}
		host = hosts_find(&h, "192.0.2.1:25");
		ok(host && host->connect_us == c->connect_us && host->first_us == c->first_us &&
		    host->at_least == c->at_least && host->failures == c->failures &&
		    host->broken == c->broken && (host->measured_s != 0) == c->measured &&
		    (host->failed_s != 0) == c->failed &&
		    (host->since_s != 0) == (c->failures > 0) && h.changed,
		    "%s", c->name);
		hosts_done(&h);
	}
}

/* Failures at these times, and the pause after the last of them. */
static const struct pause {
	const char *name;
	uint64_t retry_min_s, retry_max_s;
	int64_t failed_s[6];
	int64_t until_s;		/* end of the pause; 0: none */
} pauses[] = {
	{ .name = "R146 one failure: none",
	  .retry_min_s = 300, .retry_max_s = 14400, .failed_s = { 1000 } },
	{ .name = "R146 two: two minutes",
	  .retry_min_s = 300, .retry_max_s = 14400, .failed_s = { 1000, 1300 }, .until_s = 1420 },
	{ .name = "R146 three: four",
	  .retry_min_s = 300, .retry_max_s = 14400, .failed_s = { 1000, 1300, 1900 },
	  .until_s = 2140 },
	{ .name = "R146 two in one minute are one",
	  .retry_min_s = 300, .retry_max_s = 14400, .failed_s = { 1000, 1050 } },
	{ .name = "an hour at most",
	  .retry_min_s = 300, .retry_max_s = 14400,
	  .failed_s = { 1000, 10000, 20000, 30000, 40000, 50000 }, .until_s = 51920 },
	{ .name = "no longer than retry-max",
	  .retry_min_s = 300, .retry_max_s = 600,
	  .failed_s = { 1000, 10000, 20000, 30000, 40000, 50000 }, .until_s = 50600 },
	{ .name = "short with a short retry-min",
	  .retry_min_s = 4, .retry_max_s = 14400, .failed_s = { 1000, 1004 }, .until_s = 1008 },
	{ .name = "a second at least",
	  .retry_min_s = 1, .retry_max_s = 2, .failed_s = { 1000, 1002 }, .until_s = 1004 },
};

static void
test_pauses(void)
{
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		const struct pause *p = &pauses[i];
		struct host_report r = report_of("192.0.2.1:25", HOST_FAILED, 0, 0);
		struct host_report good = report_of("192.0.2.1:25", HOST_PROVEN, 0, 0);
		struct hosts h = { 0 };
		int64_t now_s = 0, until_s;

		hosts_pauses(&h, p->retry_min_s, p->retry_max_s);
		for (size_t k = 0; k < 6 && p->failed_s[k]; k++) {
			now_s = p->failed_s[k];
			hosts_learn(&h, &r, now_s);
		}
		until_s = hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s);
		ok(until_s == p->until_s, "%s: %lld", p->name, (long long)until_s);
		if (until_s) {
			ok(!hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), until_s),
			    "%s: it ends then", p->name);
			ok(!hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s - 1),
			    "%s: a clock set back ends it", p->name);
			h.forgiven_s = now_s;
			ok(!hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s),
			    "%s: --flush ends it", p->name);
			h.forgiven_s = 0;
			hosts_learn(&h, &good, now_s);
			ok(!hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), now_s),
			    "%s: a success ends it", p->name);
		}
		hosts_done(&h);
	}
}

/* R134: the memory of failed handshakes. */
static void
test_tls(void)
{
	struct hosts h = { 0 };
	struct host_report r = report_of("192.0.2.1:25", HOST_REFUSED, 0, 0);

	r.tls = HOST_TLS_FAILED;
	hosts_learn(&h, &r, 1000);
	ok(hosts_find(&h, "192.0.2.1:25")->tls_failed_s == 1000,
	    "R134 a handshake that failed is remembered");
	r = report_of("192.0.2.1:25", HOST_OPEN, 1, 1);
	hosts_learn(&h, &r, 2000);
	ok(hosts_find(&h, "192.0.2.1:25")->tls_failed_s == 1000,
	    "R134 a session without TLS does not change that");
	r.tls = HOST_TLS_GOOD;
	hosts_learn(&h, &r, 3000);
	ok(hosts_find(&h, "192.0.2.1:25")->tls_failed_s == 0, "R134 a good handshake ends that");
	hosts_done(&h);
}

/* Things that fail at a host, and for how long it is spared them. */
static void
test_spared(void)
{
	struct hosts h = { 0 };
	struct host_report r = report_of("192.0.2.1:25", HOST_NO_BDAT, 0, 0);
	const struct host *host;

	hosts_learn(&h, &r, 1000);
	host = hosts_find(&h, "192.0.2.1:25");
	ok(hosts_spared_until(host, HOST_SPARED_BDAT, 1000) == 1000 + 86400, "BDAT: for a day");
	ok(hosts_spared_until(host, HOST_SPARED_BDAT, 1000 + 86399), "the day's last second");
	ok(!hosts_spared_until(host, HOST_SPARED_BDAT, 1000 + 86400), "it is over");
	ok(!hosts_spared_until(host, HOST_SPARED_BDAT, 999), "a clock set back ends it");
	ok(!hosts_spared_until(host, HOST_SPARED_PIPELINING, 1000), "PIPELINING is another thing");
	r.event = HOST_NO_PIPELINING;
	hosts_learn(&h, &r, 2000);
	ok(!hosts_spared_until(host, HOST_SPARED_PIPELINING, 2000), "broke once: an accident");
	r.event = HOST_PROVEN;
	hosts_learn(&h, &r, 2001);
	r.event = HOST_NO_PIPELINING;
	hosts_learn(&h, &r, 2002);
	ok(!hosts_spared_until(host, HOST_SPARED_PIPELINING, 2002), "a success between: another");
	hosts_learn(&h, &r, 2003);
	ok(hosts_spared_until(host, HOST_SPARED_PIPELINING, 2003) == 2003 + 86400, "twice: a day");
	r.event = HOST_PROVEN;
	hosts_learn(&h, &r, 2004);
	ok(hosts_spared_until(host, HOST_SPARED_PIPELINING, 2004), "a success then ends nothing");
	r.event = HOST_NO_PIPELINING;
	hosts_learn(&h, &r, 2003 + 86400);
	ok(!hosts_spared_until(host, HOST_SPARED_PIPELINING, 2003 + 86400), "a day later: afresh");
	r.event = HOST_NO_AHEAD;
	hosts_learn(&h, &r, 200000);
	r.event = HOST_PROVEN;
	hosts_learn(&h, &r, 200001);
	ok(hosts_spared_until(host, HOST_SPARED_PIPELINING, 200001) == 200000 + 86400,
	    "commands behind a message were lost: once is enough");
	hosts_done(&h);
}

/* A connection that breaks may be an accident, and one accident breaks all that are open. */
static void
test_accidents(void)
{
	static const struct {
		enum host_event event;
		enum host_spared spared;
		const char *name;
	} facts[] = {
		{ HOST_BDAT_BROKE, HOST_SPARED_BDAT, "BDAT" },
		{ HOST_NO_PIPELINING, HOST_SPARED_PIPELINING, "PIPELINING" },
	};

	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		struct hosts h = { 0 };
		struct host_report r = report_of("192.0.2.1:25", facts[i].event, 0, 0), proof = r;
		const struct host *host;

		proof.event = HOST_PROVEN;
		r.age_us = 100000;
		hosts_learn(&h, &r, 1000);
		hosts_learn(&h, &r, 1000);
		r.age_us = 300 * 1000000;
		hosts_learn(&h, &r, 1300);
		host = hosts_find(&h, "192.0.2.1:25");
		ok(!hosts_spared_until(host, facts[i].spared, 1300),
		    "%s: connections that were open when one broke are no news", facts[i].name);
		r.age_us = 1;
		hosts_learn(&h, &proof, 1301);
		hosts_learn(&h, &r, 1302);
		ok(!hosts_spared_until(host, facts[i].spared, 1302), "%s: a success between",
		    facts[i].name);
		hosts_learn(&h, &r, 1304);
		ok(hosts_spared_until(host, facts[i].spared, 1304) == 1304 + 86400,
		    "%s: a newer connection broke, too", facts[i].name);
		hosts_learn(&h, &proof, 1305);
		hosts_learn(&h, &r, 1304 + 86400);
		ok(!hosts_spared_until(host, facts[i].spared, 1304 + 86400),
		    "%s: a day later: afresh", facts[i].name);
		hosts_done(&h);
	}
}

/* A link with a login is kept as long as there are messages. */
static void
test_age(void)
{
	static const struct { int64_t ms, want_us; } ages[] = {
		{ 0, 0 }, { 1500, 1500000 }, { 86400000, INT64_C(86400000000) },
		{ INT64_C(30) * 86400000, INT64_C(86400000000) }, { -1, 0 },
	};

	for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
		struct host_report r = report_of("192.0.2.1:25", HOST_BROKE, 0, 0);

		host_report_age(&r, 5000, 5000 + ages[i].ms);
		ok(r.age_us == ages[i].want_us && host_report_valid(&r), "an age of %lld ms",
		    (long long)ages[i].ms);
	}
}

static void
test_broke_at_tls(void)
{
	struct hosts h = { 0 };
	struct host_report r = report_of("192.0.2.1:25", HOST_OPEN, 1, 1);
	const struct host *host;

	r.tls = HOST_TLS_BROKE;
	hosts_learn(&h, &r, 1000);
	host = hosts_find(&h, "192.0.2.1:25");
	ok(hosts_broke_at_tls(host, 1000) && !hosts_spared_until(host, HOST_SPARED_TLS, 1000),
	    "a connection that breaks at TLS may be an accident");
	ok(hosts_broke_at_tls(host, 1000 + 86399) && !hosts_broke_at_tls(host, 1000 + 86400) &&
	    !hosts_broke_at_tls(host, 999), "it counts for a day, and not with a clock set back");
	r.tls = HOST_TLS_GOOD;
	hosts_learn(&h, &r, 1001);
	ok(!hosts_broke_at_tls(host, 1001), "a good handshake ends that");
	r.tls = HOST_TLS_UNKNOWN;
	r.event = HOST_FAILED;
	hosts_learn(&h, &r, 2000);
	ok(!hosts_broke_at_tls(host, 2000), "another failure is none of TLS");
	hosts_done(&h);
}

/* Each memory has an end that the host, or an operator, brings about. */
static void
test_ends(void)
{
	struct hosts h = { 0 };
	struct host_report r = report_of("192.0.2.1:25", HOST_NO_IPV6, 0, 0);
	const struct host *host;

	r.tls = HOST_TLS_FAILED;
	hosts_learn(&h, &r, 1000);
	host = hosts_find(&h, "192.0.2.1:25");
	ok(hosts_spared_until(host, HOST_SPARED_TLS, 1000) && host->ipv4_until_s,
	    "both are learned");
	r = report_of("192.0.2.1:25", HOST_NO_CLEAR, 0, 0);
	hosts_learn(&h, &r, 1001);
	ok(!hosts_spared_until(host, HOST_SPARED_TLS, 1001), "no mail without TLS: TLS again");
	r.event = HOST_PROVEN;
	hosts_learn(&h, &r, 1002);
	ok(!host->ipv4_until_s, "a transaction over IPv6 ends the way by IPv4");
	r = report_of("192.0.2.1:25", HOST_BROKE, 0, 0);
	r.tls = HOST_TLS_FAILED;
	for (int i = 0; i < 2; i++) {
		hosts_learn(&h, &r, 2000 + 1000 * i);
		h.list[0].ipv4_until_s = h.list[0].bdat_failed_s = 9000;
		h.list[0].pipelining_failures = h.list[0].bdat_failures = 2;
		h.list[0].tls_broke_s = 2500;
	}
	ok(hosts_broke_at_tls(host, 3000) && host->failures == 2 && host->broken == 2,
	    "it breaks off");
	h.changed = false;
	hosts_forgive(&h, 3001);
	ok(!host->broken && !host->ipv4_until_s && !host->tls_failed_s && !host->bdat_failed_s &&
	    !host->pipelining_failures && !host->bdat_failures &&
	    !hosts_broke_at_tls(host, 3001) && h.changed,
	    "an operator ends all of them");
	hosts_done(&h);
}

/* Two hosts fail twice each.  While the second one failed, no host answered. */
static void
test_outage(void)
{
	struct host_report one = report_of("192.0.2.1:25", HOST_FAILED, 0, 0);
	struct host_report two = report_of("192.0.2.2:25", HOST_FAILED, 0, 0);
	struct host_report good = report_of("192.0.2.3:25", HOST_OPEN, 1, 1);
	struct hosts h = { 0 };

	hosts_learn(&h, &one, 1000);
	hosts_learn(&h, &good, 1010);
	hosts_learn(&h, &two, 1020);
	hosts_learn(&h, &one, 1100);
	hosts_learn(&h, &two, 1100);
	ok(hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), 1101) &&
	    hosts_paused_until(&h, hosts_find(&h, "192.0.2.2:25"), 1101),
	    "both are paused");
	hosts_learn(&h, &good, 1102);
	ok(hosts_paused_until(&h, hosts_find(&h, "192.0.2.1:25"), 1103),
	    "the first failed while others answered: it stays paused");
	ok(!hosts_paused_until(&h, hosts_find(&h, "192.0.2.2:25"), 1103),
	    "the second failed while none answered: our network may have failed");
	hosts_learn(&h, &two, 1200);
	hosts_learn(&h, &good, 1300);
	ok(hosts_paused_until(&h, hosts_find(&h, "192.0.2.2:25"), 1300), "this excuse counts once");
	hosts_done(&h);
}

/* States of hosts in words. */
static const struct {
	const char *name;
	struct host host;
	const char *text;
} states[] = {
	{ .name = "nothing", .host = { .address = "a" }, .text = "unknown" },
	{ .name = "measured", .host = { .first_us = 1 }, .text = "good" },
	{ .name = "bounded",
	  .host = { .first_us = 1, .at_least = true }, .text = "slower than others" },
	{ .name = "failed once",
	  .host = { .first_us = 1, .failures = 1, .failed_s = 1763787773, .since_s = 1763787773 },
	  .text = "failed last time, tried after others" },
	{ .name = "paused",
	  .host = { .failures = 2, .failed_s = 1763787773, .since_s = 1763787000 },
	  .text = "has failed since 2025-11-22T04:50:00Z (2 times), paused until "
	    "2025-11-22T05:04:53Z" },
	{ .name = "breaks off",
	  .host = { .failures = 2, .broken = 2, .failed_s = 1763780000, .since_s = 1763780000 },
	  .text = "takes mail and breaks off, tried after all others" },
	{ .name = "no IPv6",
	  .host = { .first_us = 1, .ipv4_until_s = 1763787775, .tls_failed_s = 5 },
	  .text = "good; refused our IPv6 address, IPv4 until 2025-11-22T05:02:55Z; TLS failed "
	    "last time" },
	{ .name = "spared", .host = { .first_us = 1, .bdat_failed_s = 1763787773,
	      .bdat_failures = 2, .pipelining_failed_s = 1763787773, .pipelining_failures = 2 },
	  .text = "good; BDAT failed, by DATA; breaks off at PIPELINING, one command at a time" },
	{ .name = "no IPv6, for as long as that can last",
	  .host = { .ipv4_until_s = 1763787774 + HOSTS_IPV4_S },
	  .text = "refused our IPv6 address, IPv4 until 2025-11-29T05:02:54Z" },
	{ .name = "no IPv6, by a clock that was ahead",
	  .host = { .ipv4_until_s = 1763787774 + HOSTS_IPV4_S + 1 }, .text = "unknown" },
	{ .name = "no IPv6, long ago", .host = { .ipv4_until_s = 1763787774 }, .text = "unknown" },
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
	struct host_report r = report_of("192.0.2.1:25", HOST_NOTHING, 0, 0);

	hosts_learn(&h, &r, 1);
	ok(h.n == 0 && !h.changed, "a host that was not tried is not learned");
	for (size_t i = 0; i < 3; i++) {
		r = report_of(addresses[i], HOST_OPEN, 1, 1);
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
		r = report_of(address, HOST_OPEN, 1, 1 + i);
		hosts_learn(&h, &r, i == 5 ? 1000000 : 1000 + i);
	}
	for (size_t i = 1; i < h.n; i++)
		sorted = sorted && strcmp(h.list[i - 1].address, h.list[i].address) < 0;
	ok(h.n == HOSTS_MAX, "the table is bounded");
	ok(sorted, "the table is sorted");
	ok(hosts_find(&h, "10.0.0.1:25") == NULL, "the stalest is forgotten first");
	(void)snprintf(address, sizeof address, "10.%d.%d.1:25", (5 * 7919) % 250, 5);
	ok(hosts_find(&h, address) != NULL, "an old one with a later report stays");
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
	struct host_report a = report_of("192.0.2.1:25", HOST_OPEN, 1500, 12000);
	struct host_report b = report_of("[2001:db8::1]:25", HOST_SLOW, 0, 35000);
	struct host_report c = report_of("192.0.2.9:25", HOST_FAILED, 0, 0);
	struct stat st;

	hosts_load(&h, dir);
	ok(h.n == 0, "without a file the table is empty");
	c.tls = HOST_TLS_FAILED;
	hosts_learn(&h, &a, 1763787773);
	hosts_learn(&h, &b, 1763787774);
	hosts_learn(&h, &c, 1763787775);
	b.event = HOST_BDAT_BROKE;
	b.tls = HOST_TLS_BROKE;
	hosts_learn(&h, &b, 1763787776);
	ok(hosts_save(&h, dir) == 0 && !h.changed, "saved");
	hosts_load(&again, dir);
	ok(again.n == 3 && memcmp(again.list, h.list, 3 * sizeof *h.list) == 0,
	    "the table is loaded unchanged");
	ok(!again.changed, "a loaded table is not marked as changed");
	ok(fstatat(dir, "hosts", &st, 0) == 0 && (st.st_mode & 0777) == 0600,
	    "only the service can read the file");
	hosts_done(&h);
	hosts_done(&again);
	h = (struct hosts){ 0 };
	ok(hosts_save(&h, -1) < 0, "a bad folder is an error");
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
	{ "with what it is spared", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7 8\n", 1 },
	{ "with its proof", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7 8 9 0\n", 1 },
	{ "with what broke", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7 8 9 0 1 2\n", 1 },
	{ "with half of what broke", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7 8 9 0 1\n", 0 },
	{ "breaks too large", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7 8 9 0 4294967297 2\n", 0 },
	{ "with half of that", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7\n", 0 },
	{ "with more than that", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6 7 8 9\n", 0 },
	{ "a field too few", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0\n", 0 },
	{ "a field too many", "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0 6\n", 0 },
	{ "a word in place of a number", "192.0.2.1:25 mx 1 2 3 4 x 0 0 0 0\n", 0 },
	{ "a negative number", "192.0.2.1:25 mx 1 -2 3 4 5 0 0 0 0\n", 0 },
	{ "a number too large", "192.0.2.1:25 mx 1 99999999999999999999 3 4 5 0 0 0 0\n", 0 },
	{ "failures too large", "192.0.2.1:25 mx 1 2 3 4 4294967297 0 0 0 0\n", 0 },
	{ "a control character", "192.0.2.1:25 m\001x 1 2 3 4 5 0 0 0 0\n", 0 },
	{ "an address too long",
	  "1234567890123456789012345678901234567890123456789012345678901234 mx 1 2 3 4 5 0 0 0 0\n",
	  0 },
	{ "the same address twice",
	  "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\n192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\n", 1 },
	{ "good lines around a bad one",
	  "192.0.2.1:25 mx 1 2 3 4 5 0 0 0 0\nrubbish\n192.0.2.0:25 mx 1 2 3 4 5 0 0 0 0\n", 2 },
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
	ok(h.n == 0, "file: the tail of a long line is not a line");
	hosts_done(&h);
	put_file(dir,
	    "192.0.2.1:25 mx\0 1 2 3 4 5 0 0 0 0\n192.0.2.2:25 mx 1 2 3 4 5 0 0 0 0\n", 70);
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
			(void)inet_pton(AF_INET, cases[i].address,
			    &((struct sockaddr_in *)&ss)->sin_addr);
		else
			(void)inet_pton(AF_INET6, cases[i].address,
			    &((struct sockaddr_in6 *)&ss)->sin6_addr);
		((struct sockaddr_in *)&ss)->sin_port = htons(25);
		host_key(key, &ss);
		is(slice_str(key), slice_str(cases[i].key), "an address as a key");
	}
}

static void
test_site(void)
{
	static const struct {
		const char *name, *address;
		uint64_t site;
	} cases[] = {
		{ "IPv4", "192.0.2.1", 0xffffffffc0000201 },
		{ "IPv4 in IPv6", "::ffff:192.0.2.1", 0xffffffffc0000201 },
		{ "IPv4 behind a translator", "64:ff9b::192.0.2.1", 0xffffffffc0000201 },
		{ "the /64 of IPv6", "2001:db8:0:5::1", 0x20010db800000005 },
		{ "another address of the /64", "2001:db8:0:5:ffff::", 0x20010db800000005 },
		{ "another /64", "2001:db8:0:6::1", 0x20010db800000006 },
		{ "a translator of one site", "64:ff9b:1::1", 0x0064ff9b00010000 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sockaddr_storage ss;
		socklen_t len;

		ok(address_parse(slice_str(cases[i].address), 25, &ss, &len) &&
		    host_site(&ss) == cases[i].site, "site: %s", cases[i].name);
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
	test_spared();
	test_accidents();
	test_age();
	test_broke_at_tls();
	test_ends();
	test_outage();
	test_states();
	test_ignored();
	test_bound();
	test_round_trip(fd);
	test_damaged(fd);
	test_key();
	test_site();
	(void)unlinkat(fd, "hosts", 0);
	ok(rmdir(dir) == 0, "nothing else was left behind");
	return tap_done();
}
