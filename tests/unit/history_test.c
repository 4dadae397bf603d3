// SPDX-License-Identifier: ISC
/* runner/history: once an hour, bounded, and any octets when it is read. */
#include "runner/history.h"

#include <sys/stat.h>

#include "queue/counts.h"
#include "stats/stats.h"
#include "tests/unit/queue_fixture.h"

#define NOON INT64_C(1795348800)	/* 2026-11-22T12:00:00Z */

static struct history_line lines[400];
static size_t nlines;

static void
keep_line(void *ctx, const struct history_line *line)
{
	(void)ctx;
	if (nlines < sizeof lines / sizeof lines[0])
		lines[nlines++] = *line;
}

static int
read_file(struct fixture *f)
{
	nlines = 0;
	return history_read(f->q.state, keep_line, NULL);
}

/* Set the time of the file to that of its last note. */
static void
set_time(struct fixture *f, int64_t at_s)
{
	const struct timespec times[2] = { { .tv_sec = at_s }, { .tv_sec = at_s } };

	must(utimensat(f->q.state, "history", times, 0) == 0, "utimensat");
}

static off_t
size_now(struct fixture *f)
{
	struct stat st;

	must(fstatat(f->q.state, "history", &st, 0) == 0, "fstatat");
	return st.st_size;
}

static void
learn(struct hosts *hosts, const char *address, const char *name, int64_t us, int64_t at_s)
{
	struct host_report report = {
		.event = HOST_OPEN, .connect_us = us, .first_us = 2 * us,
	};

	(void)snprintf(report.address, sizeof report.address, "%s", address);
	(void)snprintf(report.name, sizeof report.name, "%s", name);
	hosts_learn(hosts, &report, at_s);
}

static void
test_hours(struct fixture *f)
{
	struct hosts hosts = { 0 };

	ok(read_file(f) == -ENOENT, "no file yet");
	(void)stats_map(queue_counts_of_runs(f->q.state));
	stats_add(STATS_CAUSES, CAUSE_CONNECT, 5);
	stats_add(STATS_CAUSES, CAUSE_DELIVERED, 7);
	learn(&hosts, "192.0.2.1:25", "mx.example", 1000, NOON - 10);
	learn(&hosts, "192.0.2.2:25", "old.example", 1000, NOON - 3600);
	history_note(&f->q, &hosts, NOON);
	set_time(f, NOON);
	ok(read_file(f) == 0 && nlines == 2, "one line for counters, and one for a host");
	ok(lines[0].at_s == NOON && !lines[0].of_host && lines[0].causes[CAUSE_CONNECT] == 5 &&
	    lines[0].sums[COUNTED_DELIVERED] == 7 && lines[0].sums[COUNTED_DEFERRED] == 5,
	    "the counters");
	ok(lines[1].of_host && strcmp(lines[1].address, "192.0.2.1:25") == 0 &&
	    strcmp(lines[1].name, "mx.example") == 0 && lines[1].connect_us == 1000 &&
	    lines[1].first_us == 2000, "the host; not one that was measured an hour ago");
	history_note(&f->q, &hosts, NOON + 3599);
	ok(read_file(f) == 0 && nlines == 2, "nothing more in this hour");
	stats_add(STATS_CAUSES, CAUSE_CONNECT, 1);
	history_note(&f->q, &hosts, NOON + 3600);
	set_time(f, NOON + 3600);
	ok(read_file(f) == 0 && nlines == 3 && lines[2].causes[CAUSE_CONNECT] == 6,
	    "the next hour has its line");
	set_time(f, NOON + 86400);
	history_note(&f->q, &hosts, NOON + 7200);
	ok(read_file(f) == 0 && nlines == 4, "a clock that was set back stops nothing");
	hosts_done(&hosts);
}

static void
test_bound(struct fixture *f)
{
	struct hosts hosts = { 0 };
	char address[40];
	off_t most = 0;

	for (unsigned i = 0; i < 3 * HISTORY_HOSTS; i++) {
		(void)snprintf(address, sizeof address, "[2001:db8:ffff:ffff:ffff:ffff:0:%x]:25",
		    i + 1);
		learn(&hosts, address, "a-name-of-a-host-that-is-as-long-as-it-can-be.example",
		    INT64_MAX / 16, NOON + i);
	}
	for (int64_t hour = 1; hour < 1000; hour++) {
		history_note(&f->q, &hosts, NOON + hour);
		set_time(f, 0);
		if (size_now(f) > most)
			most = size_now(f);
	}
	ok(most >= HISTORY_OCTETS_MAX && most < HISTORY_OCTETS_MAX + 16384,
	    "a long file loses its older half: %lld", (long long)most);
	ok(size_now(f) > HISTORY_OCTETS_MAX / 3, "and the newer one stays");
	ok(read_file(f) == 0 && nlines == sizeof lines / sizeof lines[0], "it can be read");
	hosts_done(&hosts);
}

static void
test_no_file(struct fixture *f)
{
	const struct hosts hosts = { 0 };
	struct stat st;

	(void)unlinkat(f->q.state, "history", 0);
	must(symlinkat("../elsewhere", f->q.state, "history") == 0, "symlinkat");
	history_note(&f->q, &hosts, NOON);
	ok(fstatat(f->q.root, "elsewhere", &st, 0) < 0 && read_file(f) == -ELOOP,
	    "a symbolic link is not followed");
	(void)unlinkat(f->q.state, "history", 0);
	must(mkfifoat(f->q.state, "history", 0600) == 0, "mkfifoat");
	history_note(&f->q, &hosts, NOON);
	ok(read_file(f) == 0 && nlines == 0, "a FIFO is no history, and nobody waits for it");
	(void)unlinkat(f->q.state, "history", 0);
}

static const struct {
	const char *name, *text;
	bool good;
} texts[] = {
	{ "an unknown counter is of a newer release", "2026-11-22T12:00:00Z counts new=1", true },
	{ "no counter", "2026-11-22T12:00:00Z counts", true },
	{ "a host", "2026-11-22T12:00:00Z host a b connect-us=1 greeting-us=2 failures=0", true },
	{ "no time", "now counts accepted=1", false },
	{ "another kind", "2026-11-22T12:00:00Z other accepted=1", false },
	{ "a number that is none", "2026-11-22T12:00:00Z counts accepted=-1", false },
	{ "a host without a latency", "2026-11-22T12:00:00Z host a b connect-us=1", false },
	{ "a host with a control character",
	    "2026-11-22T12:00:00Z host a \033[2J connect-us=1 greeting-us=2 failures=0", false },
	{ "an empty line", "", false },
};

int
main(void)
{
	struct fixture f;
	struct history_line line;

	fixture_open(&f);
	test_hours(&f);
	test_bound(&f);
	test_no_file(&f);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		ok(history_parse(slice_str(texts[i].text), &line) == texts[i].good, "%s",
		    texts[i].name);
	fixture_close(&f);
	return tap_done();
}
