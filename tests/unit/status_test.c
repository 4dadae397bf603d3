// SPDX-License-Identifier: ISC
/* runner/status: the file for people who watch a run. */
#include "runner/status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/runner.h"
#include "tests/lib/tap.h"

#define NOW 1795338480

static struct runner runner;
static struct status wrote, got;
static char folder[] = "/tmp/status-test.XXXXXX";

/* Put a destination into the runner. */
static struct destination *
put(const char *name, size_t waiting, unsigned workers)
{
	static unsigned n;
	struct destination *d = calloc(1, sizeof *d), **bucket;

	bucket = &runner.destinations.buckets[n++ % DESTINATION_BUCKETS];
	*d = (struct destination){
		.next = *bucket, .name = name, .waiting = waiting, .workers = workers, .limit = 9,
		.network = true,
	};
	*bucket = d;
	runner.destinations.n++;
	return d;
}

static void
test_file(int state)
{
	static struct outcome dead;
	struct destination *d;

	d = put("a.example", 3, 2);
	d->proven = true;
	(void)put("idle.example", 0, 0);
	(void)put("b\t\033[2J\n.example", 9, 0);
	d = put("c.example", 1, 0);
	outcome_set(&dead, CAUSE_CONNECT, SL(""), SL("no host answered"));
	d->dead = &dead;
	runner.nworkers = 2;
	status_gather(&runner, NOW, &wrote);
	ok(wrote.n == 3 && wrote.destinations == 4 && wrote.workers == 2,
	    "destinations with work are gathered");
	ok(status_write(&wrote, state) == 0 && status_read(state, NOW, &got), "and written");
	ok(got.n == 3 && strcmp(got.lines[0].name, "b??[2J?.example") == 0 &&
	    got.lines[0].waiting == 9, "the most work is first, and control characters are none");
	ok(strcmp(got.lines[1].state, "proven") == 0 && got.lines[1].workers == 2 &&
	    got.lines[1].limit == 9, "a destination that works");
	ok(strcmp(got.lines[2].state, "dead") == 0 &&
	    strcmp(got.lines[2].why, "no host answered") == 0, "a dead one, and why");
	ok(status_read(state, NOW + STATUS_MAX_S, &got), "the file is of now");
	ok(!status_read(state, NOW + STATUS_MAX_S + 1, &got), "an old file is of no run");
	ok(!status_read(state, NOW - STATUS_MAX_S - 1, &got), "nor is one of the future");
}

static void
test_many(void)
{
	for (unsigned i = 0; i < 3 * STATUS_LINES; i++)
		(void)put("many.example", 10 + i, 0);
	status_gather(&runner, NOW, &got);
	ok(got.n == STATUS_LINES && got.lines[0].waiting == 10 + 3 * STATUS_LINES - 1 &&
	    got.lines[STATUS_LINES - 1].waiting == 10 + 2 * STATUS_LINES,
	    "only those with the most work are kept");
}

static void
test_text(void)
{
	static const char head[] = "# time workers messages recipients destinations\n";
	char text[400];

	ok(!status_parse(SL(""), &got) && !status_parse(SL("1 2 3 4 5\n"), &got),
	    "a file without its head is none");
	(void)snprintf(text, sizeof text, "%s1 2 3 4\n", head);
	ok(!status_parse(slice_str(text), &got), "four numbers are not five");
	(void)snprintf(text, sizeof text, "%s1 2 3 4 5\n1\t2\t3\tlocal\tx\t\n1\t2\t-3\tlocal\ty\t\n"
	    "1\t2\t3\tlocal\t\t\nxxx\n\n4\t5\t6\tproven for ever and ever\tz\twhy\tnot", head);
	ok(status_parse(slice_str(text), &got) && got.n == 2 &&
	    strcmp(got.lines[1].name, "z") == 0 && strcmp(got.lines[1].state, "proven for ") == 0 &&
	    strcmp(got.lines[1].why, "why?not") == 0, "damaged lines are dropped");
}

int
main(void)
{
	int state;

	if (!mkdtemp(folder) || (state = open(folder, O_PATH | O_DIRECTORY)) < 0)
		return 1;
	test_file(state);
	test_many();
	test_text();
	(void)unlinkat(state, "destinations", 0);
	(void)rmdir(folder);
	return tap_done();
}
