// SPDX-License-Identifier: ISC
/*
 * Deaths are counted, and a message that is put aside has its reason; its file is never read.
 */
#include "queue/aside.h"

#include "base/clock.h"
#include "queue/check.h"
#include "queue_fixture.h"

static const char id[] = "0SJ5TN5K6X3N0BKS", other[] = "0SJ5TN5K6X3N0BKT";
static unsigned visits, faults;
static char last_fault[400];

/* A file in cur/ that no parser would take. */
static bool
put_poison(const struct fixture *f, const char *name)
{
	const int fd = openat(f->q.cur, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	const bool done = fd >= 0 && write(fd, "poison", 6) == 6;

	(void)close(fd);
	return done;
}

static bool
is_there(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
visit(void *ctx, const char *name)
{
	(void)ctx;
	visits += strcmp(name, id) == 0;
	return 0;
}

/* The visits so far, after those of messages from before that time. */
static unsigned
each_before(const struct fixture *f, int64_t before_s)
{
	return queue_each_aside(&f->q, before_s, visit, NULL) < 0 ? 99 : visits;
}

static void
note_fault(void *ctx, const struct queue_fault *fault)
{
	(void)ctx;
	faults++;
	(void)snprintf(last_fault, sizeof last_fault, "%s %s", fault->path, fault->what);
}

static unsigned
check(const struct fixture *f)
{
	struct queue_check c = { .fault = note_fault };

	faults = 0;
	(void)queue_check(&f->q, &c);
	return faults;
}

static void
test_counts(const struct fixture *f)
{
	char long_text[1000];

	ok(put_poison(f, id) && put_poison(f, other), "two messages");
	ok(queue_death(&f->q, id, "killed by signal 11") == 1 &&
		queue_death(&f->q, id, "killed by signal 6") == 2,
	    "deaths are counted");
	ok(queue_death(&f->q, other, "killed by signal 11") == 1, "each message has its own count");
	memset(long_text, '\n', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	ok(queue_death(&f->q, other, long_text) == 2,
	    "a long text with line ends counts as one death");
	ok(queue_death(&f->q, "../x", "") == -EINVAL, "a name that is no ID is refused");
	ok(queue_put_aside(&f->q, f->q.cur, "../x") == -EINVAL,
	    "a name that is no ID is not put aside");
}

static void
test_put_aside(const struct fixture *f)
{
	char space[400];
	struct buf b = BUF(space);

	ok(!queue_why_aside(&f->q, id, &b), "a message in cur/ is not put aside");
	ok(queue_death(&f->q, id, "killed by signal 7") == 3 &&
		queue_put_aside(&f->q, f->q.cur, id) == 0,
	    "the third death puts the message aside");
	ok(is_there(f->q.dead, id) && !is_there(f->q.cur, id), "its file is in dead/");
	ok(queue_why_aside(&f->q, id, &b) && slice_eq(buf_slice(&b), SL("killed by signal 7")),
	    "its reason is the last death");
	ok(queue_death(&f->q, id, "x") == 1, "its count begins anew");
	ok(check(f) >= 1 && strstr(last_fault, "killed by signal 7") &&
		strncmp(last_fault, "dead/", 5) == 0,
	    "fsck lists it with the reason");
	ok(each_before(f, INT64_MAX) == 1, "its sender waits");
	ok(each_before(f, queue_id_time_s(id)) == 1 && each_before(f, queue_id_time_s(id) + 1) == 2,
	    "the time of a message is that of its ID");
}

static void
test_settled(const struct fixture *f)
{
	char space[400];
	struct buf b = BUF(space);

	visits = 0;
	ok(queue_aside_settled(&f->q, id, "its sender got the notice X") == 0 &&
		each_before(f, INT64_MAX) == 0,
	    "its sender does not wait after the notice");
	ok(queue_why_aside(&f->q, id, &b) &&
		slice_eq(buf_slice(&b), SL("its sender got the notice X")) && check(f) >= 1,
	    "fsck lists it as before");
	(void)queue_death(&f->q, other, "killed");
	ok(queue_put_aside(&f->q, f->q.cur, other) == 0 &&
		unlinkat(f->q.dead, other, 0) == 0 &&
		queue_each_aside(&f->q, INT64_MAX, visit, NULL) == 0 &&
		!queue_why_aside(&f->q, other, &b),
	    "the reason of a deleted message is removed");
}

static void
test_sweep(const struct fixture *f)
{
	const int64_t now_s = clock_wall_s();

	(void)queue_death(&f->q, other, "x");
	ok(queue_deaths_sweep(&f->q, now_s, 100), "a death is there");
	ok(queue_death(&f->q, other, "x") == 2, "a death is remembered");
	ok(!queue_deaths_sweep(&f->q, now_s + 200, 100), "none is there after its time");
	ok(queue_death(&f->q, other, "x") == 1, "an old death is forgotten");
	queue_deaths_forget(&f->q, other);
	ok(queue_death(&f->q, other, "x") == 1, "deaths of a finished message are forgotten");
}

int
main(void)
{
	struct fixture f;

	fixture_open(&f);
	ok(each_before(&f, INT64_MAX) == 0, "nothing was put aside");
	test_counts(&f);
	test_put_aside(&f);
	test_settled(&f);
	test_sweep(&f);
	fixture_close(&f);
	return tap_done();
}
