// SPDX-License-Identifier: ISC
/* queue/by_host: the messages that wait for a host. */
#include "queue/by_host.h"

#include <inttypes.h>
#include <time.h>

#include "tests/unit/queue_fixture.h"

#define HOST "[2001:db8::1]:25"

static char came[2000];

static bool
see(void *ctx, const char *id)
{
	(void)ctx;
	strncat(came, id + 13, sizeof came - strlen(came) - 1);
	strncat(came, " ", sizeof came - strlen(came) - 1);
	return true;
}

/* Put a file with that ID into wait/. */
static void
put(struct fixture *f, int64_t due_s, const char *id)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, "%" PRId64, due_s);
	must(mkdirat(f->q.wait, path, 0700) == 0 || errno == EEXIST, "mkdirat");
	(void)snprintf(path, sizeof path, "%" PRId64 "/%s", due_s, id);
	fd = openat(f->q.wait, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	must(fd >= 0, "openat");
	close(fd);
}

static int
take(struct fixture *f, unsigned max)
{
	came[0] = '\0';
	return queue_by_host_take(&f->q, HOST, max, see, NULL);
}

static bool
in_folder(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, 0) == 0;
}

static void
test_take(struct fixture *f)
{
	static const char *const ids[] = { "0000000000000AAA", "0000000000000BBB",
		"0000000000000CCC", "0000000000000DDD", "0000000000000EEE" };

	ok(take(f, 10) == 0, "no list, nothing waits");
	for (int i = 0; i < 5; i++) {
		put(f, 1000 + i / 2, ids[i]);
		ok(queue_by_host_add(&f->q, HOST, 1000 + i / 2, ids[i]) == 0, "listed");
	}
	ok(queue_by_host_add(&f->q, HOST, 7, ids[0]) == 0,
	    "a message may be listed for a time when it did not wait");
	ok(queue_by_host_count(&f->q, HOST) == 6 && queue_by_host_count(&f->q, "other") == 0 &&
	    queue_by_host_count(&f->q, "../hosts") == 0, "the list has a length");
	ok(queue_by_host_waiting(&f->q, HOST) == 5 && queue_by_host_waiting(&f->q, "other") == 0,
	    "each message that waits is counted once");
	must(renameat(f->q.wait, "1001/0000000000000CCC", f->q.cur, "0000000000000CCC") == 0,
	    "renameat");
	ok(take(f, 3) == 3 && strcmp(came, "EEE DDD ") == 0,
	    "the messages that were listed last come first: %s", came);
	ok(in_folder(f->q.cur, ids[4]) && in_folder(f->q.cur, ids[3]) &&
		!in_folder(f->q.wait, "1002"),
	    "the messages are in cur/, their folder is gone");
	ok(take(f, 1) == 1 && strcmp(came, "") == 0,
	    "a message that was moved meanwhile is left alone");
	ok(take(f, 10) == 2 && strcmp(came, "BBB AAA ") == 0 && take(f, 10) == 0,
	    "the rest of the list: %s", came);
	ok(!in_folder(f->q.state, "waiting/" HOST), "no list is left");
}

static void
test_refused(struct fixture *f)
{
	static const char *const hosts[] = { "", ".", "..", "a/b", "../cur" };

	for (size_t i = 0; i < 5; i++)
		ok(queue_by_host_add(&f->q, hosts[i], 1000, "0000000000000AAA") < 0 &&
			queue_by_host_take(&f->q, hosts[i], 1, see, NULL) < 0,
		    "no host: '%s'", hosts[i]);
	ok(queue_by_host_add(&f->q, HOST, 0, "0000000000000AAA") < 0, "a time of 0");
	ok(queue_by_host_add(&f->q, HOST, INT64_MAX, "0000000000000AAA") < 0,
	    "a time too far away");
	ok(queue_by_host_add(&f->q, HOST, 1000, "../cur/x") < 0, "no ID");
}

/* Lists of another format, and half a list. */
static void
test_damaged(struct fixture *f)
{
	static const char *const texts[] = { "x", "rubbish rubbish rubbish rubbi\n",
		"00000001000 ../../../../etc/p\n", "xxxxxxxxxxx 0000000000000AAA\n",
		"00000001000 0000000000000AAA\n0000000" };

	for (int i = 0; i < 5; i++) {
		int folder = queue_folder(f->q.state, "waiting", true),
		    fd = openat(folder, HOST, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		must(queue_write(fd, slice_str(texts[i])) == 0, "write");
		close(fd);
		close(folder);
		ok(queue_by_host_waiting(&f->q, HOST) == 0, "damaged list %d: nothing waits", i);
		for (int k = 0; k < 3 && take(f, 10) > 0; k++)
			continue;
		ok(take(f, 10) == 0 && names_in(f->q.wait) == 0 && strcmp(came, "") == 0,
		    "damaged list %d: no message moves, the list is gone", i);
	}
}

static void
test_bounds(struct fixture *f)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	int folder = queue_folder(f->q.state, "waiting", true),
	    fd = openat(folder, HOST, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct stat st;

	must(ftruncate(fd, BY_HOST_OCTETS_MAX) == 0, "ftruncate");
	ok(queue_by_host_add(&f->q, HOST, 1000, "0000000000000AAA") == 0 && fstat(fd, &st) == 0 &&
		st.st_size < 100,
	    "a list that is full begins again");
	close(fd);
	queue_by_host_sweep(&f->q, time(NULL), 100);
	ok(in_folder(folder, HOST), "a recent list is kept");
	must(utimensat(folder, HOST, old, 0) == 0, "utimensat");
	queue_by_host_sweep(&f->q, time(NULL), 100);
	ok(!in_folder(folder, HOST), "an old list is removed");
	close(folder);
}

int
main(void)
{
	struct fixture f;

	fixture_open(&f);
	test_take(&f);
	test_refused(&f);
	test_damaged(&f);
	test_bounds(&f);
	ok(!queue_hosts_forgiven(&f.q) && queue_forgive_hosts(&f.q) == 0 &&
		queue_hosts_forgiven(&f.q) && !queue_hosts_forgiven(&f.q),
	    "hosts are forgiven once");
	fixture_close(&f);
	return tap_done();
}
