// SPDX-License-Identifier: ISC
/* stats: the table has each value of the enums, and files of counters may be anything. */
#include "stats/stats.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt/outcome.h"
#include "attempt/owed.h"
#include "base/standing.h"
#include "runner/report.h"
#include "smtp/server.h"
#include "strangers/strangers.h"
#include "tests/lib/tap.h"

static struct stats_file got;

/* The values in an order that the enum decides, and words behind them. */
static const struct {
	const char *name;
	enum stats_family family;
	unsigned values;
	const char *first, *last;
} tables[] = {
	{ "standings", STATS_ACCEPTED, STANDINGS, "stranger", "trusted" },
	{ "verdicts of senders", STATS_REFUSED_SENDER, SMTP_REFUSE_FILTER + 1, "protocol",
	  "filter" },
	{ "verdicts of recipients", STATS_REFUSED_RCPT, SMTP_REFUSE_FILTER + 1, "protocol",
	  "filter" },
	{ "contents", STATS_REFUSED_CONTENT, SMTP_DATA_FILTER + 1, "queued", "filter" },
	{ "limits", STATS_REFUSED_CLIENT, STRANGERS_LIMITS + 2, "client-connections",
	    "no-process" },
	{ "causes", STATS_CAUSES, CAUSE_COUNT, "delivered", "rate" },
	{ "ends", STATS_ENDS, REPORT_STUCK + 1, "finished", "stuck" },
	{ "notices", STATS_NOTICES, NOTICE_KINDS, "failed", "expanded" },
};

static void
test_tables(void)
{
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		const char *const *values = stats_table[tables[i].family].values;
		unsigned n = 0;

		while (values[n])
			n++;
		ok(n == tables[i].values && strcmp(values[0], tables[i].first) == 0 &&
		    strcmp(values[n - 1], tables[i].last) == 0 && n < STATS_SUM,
		    "the table has all %s", tables[i].name);
	}
	ok(strcmp(stats_table[STATS_ACCEPTED].values[STANDING_USER],
	    standing_word(STANDING_USER)) == 0, "standings have the words of the envelope");
}

static int
new_file(void)
{
	const int fd = memfd_create("counts", MFD_CLOEXEC);

	if (ftruncate(fd, sizeof(struct stats_file)) < 0)
		return -1;
	return fd;
}

static void
test_counting(int fd)
{
	stats_add(STATS_CAUSES, 1, 1);
	ok(!stats_read(fd, &got), "a file that nobody has mapped is none");
	ok(stats_map(fd) == 0 && stats_read(fd, &got), "a mapped file is one");
	stats_add(STATS_CAUSES, 1, 2);
	stats_add(STATS_CAUSES, STATS_VALUES, 1);
	stats_add_word(STATS_SESSIONS, "errors");
	stats_add_word(STATS_SESSIONS, "new word");
	ok(stats_read(fd, &got) && got.counts[STATS_CAUSES][1] == 2, "a counter");
	ok(got.counts[STATS_CAUSES + 1][0] == 0, "a value that is too great counts nowhere");
	ok(got.counts[STATS_SESSIONS][1] == 1 && got.counts[STATS_SESSIONS][STATS_OTHER] == 1,
	    "words of the table, and others");
	stats_time(STATS_DELAY, -5);
	stats_time(STATS_DELAY, 10000);
	stats_time(STATS_DELAY, 10001);
	stats_time(STATS_DELAY, INT64_C(86400000001));
	ok(stats_read(fd, &got) && got.counts[STATS_DELAY][0] == 2 &&
	    got.counts[STATS_DELAY][1] == 1 && got.counts[STATS_DELAY][STATS_BOUNDS] == 1 &&
	    got.counts[STATS_DELAY][STATS_SUM] == UINT64_C(86400020002), "times");
}

static void
test_routes(int fd)
{
	char name[200];

	for (unsigned i = 0; i < 2 * STATS_ROUTES; i++) {
		(void)snprintf(name, sizeof name, "%u.example", i);
		stats_add_route(name, STATS_DELIVERED);
		stats_add_route(name, STATS_FAILED);
	}
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	stats_add_route(name, STATS_DELIVERED);
	ok(stats_read(fd, &got) && strcmp(got.routes[62].name, "62.example") == 0 &&
	    got.routes[62].counts[STATS_FAILED] == 1, "each route has a row");
	ok(!got.routes[63].name[0] && got.routes[63].counts[STATS_DELIVERED] == 66,
	    "routes beyond the table share the last row");
	memset(got.routes, 'x', sizeof got.routes);
	(void)!pwrite(fd, &got, sizeof got, 0);
	ok(stats_read(fd, &got) && strlen(got.routes[5].name) == STATS_ROUTE - 1,
	    "a name without an end gets one");
}

/* Two processes count in one file. */
static void
test_children(int fd)
{
	const uint64_t before = stats_read(fd, &got) ? got.counts[STATS_LOGINS][0] : 0;
	const pid_t pid = fork();
	int status;

	for (int i = 0; i < 200000; i++)
		stats_add(STATS_LOGINS, 0, 1);
	if (pid == 0)
		_exit(0);
	(void)waitpid(pid, &status, 0);
	ok(stats_read(fd, &got) && got.counts[STATS_LOGINS][0] == before + 400000,
	    "no count of two processes is lost");
}

static void
test_cut(int fd)
{
	ok(ftruncate(fd, 0) == 0, "the file is cut while it is mapped");
	stats_add(STATS_LOGINS, 0, 1);
	stats_add_route("d.example", STATS_FAILED);
	ok(true, "and the process goes on");
	ok(!stats_read(fd, &got), "a file that was cut is none");
	ok(stats_map(-1) < 0, "no file is an error");
	stats_add(STATS_LOGINS, 0, 1);
	stats_add_route("d.example", STATS_FAILED);
	ok(true, "without a file nothing is counted");
}

int
main(void)
{
	const int fd = new_file();

	test_tables();
	test_counting(fd);
	test_routes(fd);
	test_children(fd);
	test_cut(fd);
	return tap_done();
}
