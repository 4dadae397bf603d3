// SPDX-License-Identifier: ISC
/* Messages come into cur/: some at a time, by a clock that may be wrong, all at once. */
#include "tests/unit/queue_fixture.h"

#include "base/clock.h"
#include "tests/unit/queue_faults.h"

#define DAY_S 86400

static struct fixture f;
static const struct slice content = S("Subject: x\r\n\r\nx\r\n");

static void
put(int n)
{
	char id[QUEUE_ID_SIZE];

	while (n-- > 0)
		must(submit(&f.q, content, SIZE_MAX, id) == 0, "submit");
}

static void
defer_one(int64_t due_s, char id[QUEUE_ID_SIZE])
{
	struct queue_entry e;

	must(submit(&f.q, content, SIZE_MAX, id) == 0 && queue_take_new(&f.q, NULL, NULL) == 1,
	    "submit");
	must(queue_load(&f.q, id, &e) == 0 && queue_defer(&f.q, &e, due_s) == 0, "queue_defer");
	queue_unload(&e);
}

static void
defer(int n, int64_t due_s)
{
	char id[QUEUE_ID_SIZE];

	while (n-- > 0)
		defer_one(due_s, id);
}

/* Take *ctx more messages, then end the walk. */
static bool
count_down(void *ctx, const char *id)
{
	(void)id;
	return --*(int *)ctx > 0;
}

static bool
drop(void *ctx, const char *id)
{
	(void)ctx;
	return queue_finish(&f.q, id) == 0;
}

static void
empty(void)
{
	must(queue_each(&f.q, drop, NULL) == 0 && names_in(f.q.cur) == 0, "empty");
}

static void
test_some(void)
{
	struct queue_walk w = { 0 };
	int fds = open_descriptors(), most = 30;

	put(100);
	ok(queue_walk_new(&f.q, &w, count_down, &most) == 30 && w.names &&
		names_in(f.q.fresh) == 70,
	    "thirty of a hundred");
	put(1);
	most = 100;
	ok(queue_walk_new(&f.q, &w, count_down, &most) >= 70 && !w.names &&
		names_in(f.q.fresh) <= 1,
	    "the others of new/");
	(void)queue_walk_new(&f.q, &w, NULL, NULL);
	ok(!w.names && names_in(f.q.fresh) == 0 && names_in(f.q.cur) == 101,
	    "a message that came meanwhile");
	most = 60;
	ok(queue_walk_cur(&f.q, &w, count_down, &most) == 60 && w.names, "cur/: the first sixty");
	most = 60;
	ok(queue_walk_cur(&f.q, &w, count_down, &most) == 41 && !w.names,
	    "cur/: the last forty-one; each message is seen once");
	most = 1;
	ok(queue_walk_cur(&f.q, &w, count_down, &most) == 1 && w.names,
	    "a walk that is ended early");
	queue_walk_end(&w);
	queue_walk_end(&w);
	ok(open_descriptors() == fds, "a walk that is ended early leaves nothing open");
	empty();
}

static void
test_due(void)
{
	const int64_t now_s = clock_wall_s();
	struct queue_walk w = { 0 };
	int most = 4;

	defer(3, now_s - 60);
	defer(3, now_s - 120);
	defer(2, now_s + 60);
	must(symlinkat("../cur", f.q.wait, "7") == 0 && mkdirat(f.q.wait, "8", 0700) == 0 &&
		mkdirat(f.q.wait, "8/x", 0700) == 0,
	    "oddities");
	ok(queue_walk_due(&f.q, &w, now_s, count_down, &most) == 4 && w.bucket == now_s - 60,
	    "wait/: four of six, the oldest first");
	ok(queue_walk_due(&f.q, &w, now_s, NULL, NULL) == 2 && !w.names && w.bucket == 0,
	    "wait/: the other two, then the walk is over");
	ok(queue_walk_due(&f.q, &w, now_s, NULL, NULL) == 0 && !w.names,
	    "wait/: nothing more is due");
	ok(queue_next_due(&f.q) == 7 || names_in(f.q.wait) == 2,
	    "other names in wait/ do not stop the walk");
	must(unlinkat(f.q.wait, "7", 0) == 0, "unlinkat");
	ok(queue_next_due(&f.q) == now_s + 60, "a message that is due later stays");
	must(queue_take_due(&f.q, now_s, true, NULL, NULL) == 2, "everything is taken");
	empty();
}

#define TIMES (2 * QUEUE_WALK_BUCKETS + 22)

static char by_time[TIMES][QUEUE_ID_SIZE];
static int came;

static bool
in_order(void *ctx, const char *id)
{
	*(bool *)ctx &= came < TIMES && strcmp(by_time[came], id) == 0;
	came++;
	return came % 7 != 0;
}

static void
test_many_times(void)
{
	const int64_t now_s = clock_wall_s();
	struct queue_walk w = { 0 };
	bool right = true;
	int calls = 0;

	for (int i = 0; i < TIMES; i++)		/* 37 and TIMES have no common divisor */
		defer_one(now_s - 1000 + i * 37 % TIMES, by_time[i * 37 % TIMES]);
	do
		(void)queue_walk_due(&f.q, &w, now_s, in_order, &right);
	while (w.names && ++calls < TIMES);
	ok(right && came == TIMES && names_in(f.q.wait) == 0,
	    "%d times in their order, some messages at a time", TIMES);
	empty();
}

static void
test_flush(void)
{
	const int64_t now_s = clock_wall_s();
	struct queue_walk w = { 0 };
	int most = 1;

	must(symlinkat("../cur", f.q.wait, "1") == 0, "symlinkat");
	defer(2, now_s + 1000);
	defer(1, now_s + 2000);
	ok(queue_flush(&f.q) == 2 && queue_next_due(&f.q) < now_s && names_in(f.q.cur) == 0,
	    "flushed: two times are over");
	ok(queue_flush(&f.q) == 0, "a flush leaves alone what is due already");
	ok(queue_walk_due(&f.q, &w, now_s, count_down, &most) == 1 && w.names,
	    "a walk takes one message");
	ok(queue_walk_due(&f.q, &w, now_s, NULL, NULL) == 2 && !w.names && names_in(f.q.cur) == 3,
	    "the next walk takes the others");
	must(unlinkat(f.q.wait, "1", 0) == 0, "unlinkat");
	empty();
}

/* The clock was ahead for a while: by years, or by some days. */
static void
test_clock_set_back(void)
{
	static const int64_t ahead_s[] = { 10 * 365 * DAY_S, 3 * DAY_S };
	const int64_t now_s = clock_wall_s();
	char bucket[32];

	for (size_t i = 0; i < sizeof ahead_s / sizeof ahead_s[0]; i++) {
		const struct timespec then[2] = { { .tv_sec = now_s + ahead_s[i] },
			{ .tv_sec = now_s + ahead_s[i] } };

		defer(1, now_s + ahead_s[i] + 300);
		(void)snprintf(bucket, sizeof bucket, "%lld",
		    (long long)(now_s + ahead_s[i] + 300));
		must(utimensat(f.q.wait, bucket, then, 0) == 0, "utimensat");
		ok(queue_take_due(&f.q, now_s, false, NULL, NULL) == 1,
		    "deferred while the clock was %lld days ahead: due",
		    (long long)(ahead_s[i] / DAY_S));
	}
	defer(1, now_s + 3 * DAY_S);
	ok(queue_take_due(&f.q, now_s, false, NULL, NULL) == 0,
	    "deferred for so long with a right clock: not due");
	must(queue_take_due(&f.q, now_s, true, NULL, NULL) == 1, "everything is taken");
	empty();
}

/* A folder of wait/ that we may not open does not keep back the rest. */
static void
test_foreign_folder(void)
{
	const int64_t now_s = clock_wall_s();
	struct queue_walk w = { 0 };

	defer(2, now_s - 120);
	defer(3, now_s - 60);
	faults_arm(2, EACCES);		/* the first call opens wait/ */
	ok(queue_walk_due(&f.q, &w, now_s, NULL, NULL) == -EACCES && !w.names,
	    "a folder of wait/ that cannot be opened is an error");
	faults_disarm();
	ok(names_in(f.q.cur) == 3, "messages that are due after it are taken");
	ok(queue_walk_due(&f.q, &w, now_s, NULL, NULL) == 2,
	    "the next walk tries the folder again");
	empty();
}

int
main(void)
{
	fixture_open(&f);
	test_some();
	test_due();
	test_many_times();
	test_foreign_folder();
	test_flush();
	test_clock_set_back();
	fixture_close(&f);
	return tap_done();
}
