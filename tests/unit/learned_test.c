// SPDX-License-Identifier: ISC
/* hosts/learned: how a host becomes known for good certificates, and that nobody undoes it. */
#include "hosts/learned.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hosts/hosts.h"
#include "runner/tls_results.h"
#include "tests/lib/tap.h"

#define NOW INT64_C(1800000000)
#define DAY 86400
#define MX  "mx.example.org"

static bool
is_learned(const struct learned *l, const char *name, int64_t now_s)
{
	return learned_is(learned_find(l, name, now_s));
}

/* Good sessions on n days, so many seconds apart.  The time of the last. */
static int64_t
show(struct learned *l, const char *name, int64_t from_s, unsigned n, int64_t apart_s)
{
	for (unsigned i = 0; i < n; i++)
		(void)learned_add(l, name, true, from_s + i * apart_s);
	return from_s + (n - 1) * apart_s;
}

static void
test_learning(void)
{
	struct learned l = { .n = 0 };
	int64_t at_s = show(&l, MX, NOW, 30, DAY);

	ok(!is_learned(&l, MX, at_s), "29 days are no month");
	ok(learned_add(&l, MX, true, NOW + LEARNED_S) && is_learned(&l, MX, NOW + LEARNED_S),
	    "30 days are");
	ok(!learned_counts(&l, MX, true, NOW + LEARNED_S + 1), "a day counts once");
	ok(!is_learned(&l, "mx.example.com", at_s), "another host");
	learned_done(&l);
	at_s = show(&l, MX, NOW, LEARNED_DAYS - 1, 4 * DAY);
	ok(at_s - NOW >= LEARNED_S && !is_learned(&l, MX, at_s), "nine days are too few");
	at_s = show(&l, MX, at_s + DAY, 1, DAY);
	ok(is_learned(&l, MX, at_s), "ten are enough");
	learned_done(&l);
	for (int i = 0; i < 1000; i++)
		(void)learned_add(&l, MX, true, NOW + i);
	(void)learned_add(&l, MX, true, NOW + LEARNED_S);
	ok(!is_learned(&l, MX, NOW + LEARNED_S), "many sessions of two days");
	learned_done(&l);
}

/* Somebody controls the DNS or the way for less than a month. */
static void
test_attacks(void)
{
	struct learned l = { .n = 0 };
	int64_t at_s = show(&l, MX, NOW, 20, DAY);

	ok(learned_add(&l, MX, false, at_s + DAY) && !learned_find(&l, MX, at_s + DAY),
	    "a bad session before the month is over begins it anew");
	at_s = show(&l, MX, at_s + DAY, 29, DAY);
	ok(!is_learned(&l, MX, at_s), "so a forger needs the whole month");
	learned_done(&l);
	at_s = show(&l, MX, NOW, 31, DAY);
	for (int i = 1; i < 59; i++)
		(void)learned_add(&l, MX, false, at_s + i * DAY);
	ok(is_learned(&l, MX, at_s + 59 * DAY), "59 bad days do not make it forgotten");
	ok(learned_find(&l, MX, at_s + 59 * DAY)->bad_s == at_s + 58 * DAY, "the last one counts");
	ok(learned_add(&l, MX, true, at_s + 59 * DAY) && is_learned(&l, MX, at_s + 100 * DAY),
	    "a good one, and it is as before");
	ok(!learned_find(&l, MX, at_s + 59 * DAY + LEARNED_FORGET_S), "60 days without one do");
	ok(!learned_counts(&l, "mx.new.example", false, NOW) &&
	    !learned_add(&l, "mx.new.example", false, NOW), "a bad session of another host");
	learned_done(&l);
}

/* Strangers can make us send mail to many hosts of theirs. */
static void
test_flood(void)
{
	struct learned l = { .n = 0 };
	const int64_t at_s = show(&l, MX, NOW, 31, DAY);
	char name[40];

	(void)show(&l, "mx.nearly.example", at_s - 20 * DAY, 20, DAY);
	for (int i = 0; i < 3 * LEARNED_MAX; i++) {
		(void)snprintf(name, sizeof name, "mx%d.flood.example", i);
		(void)learned_add(&l, name, true, at_s + 1);
	}
	ok(l.n == LEARNED_MAX, "the table is full");
	ok(is_learned(&l, MX, at_s), "a known host is there still");
	ok(learned_find(&l, "mx.nearly.example", at_s), "and one that is on its way");
	ok(!learned_add(&l, "MX.example.org", true, NOW) && !learned_add(&l, "", true, NOW) &&
	    !learned_add(&l, "a b", true, NOW), "no names");
	learned_done(&l);
}

static void
test_file(void)
{
	char dir[] = "/tmp/learned_test.XXXXXX", text[4096];
	struct learned l = { .n = 0 }, again;
	const int64_t at_s = show(&l, MX, NOW, 31, DAY);
	ssize_t n;
	int fd, file;

	(void)learned_add(&l, MX, false, at_s + DAY);
	(void)show(&l, "mx.old.example", NOW - 100 * DAY, 1, DAY);
	if (!mkdtemp(dir) || (fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0)
		abort();
	ok(learned_save(&l, fd, at_s + DAY) == 0, "saved");
	file = openat(fd, "learned", O_RDONLY);
	n = read(file, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	ok(strcmp(text, "# exchanger first_good last_good days last_bad(0: never)\n"
	    "mx.example.org 1800000000 1802592000 31 1802678400\n") == 0, "as text");
	learned_load(&again, fd);
	ok(again.n == 1 && is_learned(&again, MX, at_s) && again.list[0].bad_s == at_s + DAY,
	    "loaded again");
	learned_done(&again);
	again = (struct learned){ .n = 0 };
	learned_parse(&again, SL("mx.a 1 2 3 4\nmx.b 1 2 3\nmx.c 1 2 3 4 5\nmx.d 2 1 3 4\n"
	    "mx.e 1 2 0 0\nMX.f 1 2 3 4\nmx.g 1 2 99999999 0\nmx.h -1 2 3 4\nmx.a 5 6 7 0\n"
	    "mx.i 1 2 3 4"));
	ok(again.n == 1 && strcmp(again.list[0].name, "mx.a") == 0 && again.list[0].first_s == 5,
	    "damaged lines are dropped");
	learned_done(&again);
	learned_done(&l);
	(void)close(file);
	(void)unlinkat(fd, "learned", 0);
	(void)close(fd);
	(void)rmdir(dir);
}

/* The sessions for reports about TLS are in the same folder. */
static void
test_neighbour(void)
{
	char dir[] = "/tmp/learned_test.XXXXXX", command[60];
	struct learned l = { .n = 0 }, again;
	struct tls_results results = { .fd = 0 };
	struct queue q = { .lock = -1 };
	const int64_t at_s = show(&l, MX, NOW, 31, DAY);

	if (!mkdtemp(dir) || (q.state = open(dir, O_RDONLY | O_DIRECTORY)) < 0)
		abort();
	tls_results_add(&results, &q, SL("example.org"), &(struct tls_result){ .mx = MX }, at_s);
	ok(results.fd > 0 && results.octets > 0 && learned_save(&l, q.state, at_s) == 0,
	    "a session is recorded, and the hosts are saved beside it");
	tls_results_done(&results);
	tls_results_add(&results, &q, SL("example.org"), &(struct tls_result){ .mx = MX }, at_s);
	learned_load(&again, q.state);
	ok(results.fd > 0 && is_learned(&again, MX, at_s), "both are there");
	tls_results_done(&results);
	learned_done(&again);
	learned_done(&l);
	(void)close(q.state);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	ok(system(command) == 0, "clean-up");
}

/* The reports of a worker. */
static void
test_reports(void)
{
	struct hosts h = { .n = 0 };
	struct host_report r = { .event = HOST_TLS_SHOWN, .name = MX };

	for (int i = 0; i <= 30; i++)
		hosts_learn(&h, &r, NOW + i * DAY);
	ok(h.changed && h.learned_changed && h.n == 0 && is_learned(&h.learned, MX, NOW + 30 * DAY),
	    "reports are learned");
	r.event = HOST_TLS_LOST;
	ok(host_report_valid(&r), "a valid report");
	hosts_learn(&h, &r, NOW + 31 * DAY);
	ok(h.learned.list[0].bad_s == NOW + 31 * DAY, "also that one");
	hosts_done(&h);
}

int
main(void)
{
	test_learning();
	test_attacks();
	test_flood();
	test_file();
	test_neighbour();
	test_reports();
	return tap_done();
}
