// SPDX-License-Identifier: ISC
/*
 * A receiver that is killed before any of its system calls, and files with holes after a power
 * cut.  After recovery every acknowledged message is whole, and nothing else is in new/.
 */
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/unit/queue_fixture.h"
#include "tests/unit/queue_faults.h"

static struct fixture f;

/*
 * Receive one message in a child, which is killed before its call number k.  Returns true, and the
 * ID, if the message was acknowledged.
 */
static bool
killed_at(int k, struct slice content, char ret_id[QUEUE_ID_SIZE])
{
	int told[2], status;
	pid_t child;
	bool acknowledged;

	must(pipe(told) == 0, "pipe");
	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		char id[QUEUE_ID_SIZE];
		int r;

		faults_arm(k, EIO);
		faults.kill = true;
		r = submit(&f.q, content, 50000, id);
		faults_disarm();
		if (r == 0)
			(void)!__real_write(told[1], id, sizeof id);
		_exit(r != 0);
	}
	(void)close(told[1]);
	acknowledged = read(told[0], ret_id, QUEUE_ID_SIZE) == QUEUE_ID_SIZE;
	(void)close(told[0]);
	must(waitpid(child, &status, 0) == child, "waitpid");
	must(acknowledged || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
	    "the child was to be killed");
	return acknowledged;
}

struct look {
	struct slice content;
	bool whole;
};

static int
look_at(void *ctx, const char *name)
{
	struct look *l = ctx;

	l->whole &= file_is_whole(f.q.fresh, name, l->content);
	must(unlinkat(f.q.fresh, name, 0) == 0, "unlinkat");
	return 0;
}

static void
test_kill(struct slice content, const char *name)
{
	char id[QUEUE_ID_SIZE];
	bool acknowledged = false, seen_whole = true, none_lost = true, clean = true;
	int k, brought_back = 0, r;

	for (k = 1; !acknowledged && k < 100; k++) {
		struct look before = { content, true }, after = { content, true };

		acknowledged = killed_at(k, content, id);
		if (acknowledged)
			none_lost &= file_is_whole(f.q.fresh, id, content);
		must(queue_names(f.q.fresh, look_at, &before) == 0, "readdir");
		r = queue_recover_all(&f.q);
		brought_back += r > 0 ? r : 0;
		clean &= r >= 0 && names_in(f.q.tmp) == 0;
		must(queue_names(f.q.fresh, look_at, &after) == 0, "readdir");
		seen_whole &= before.whole && after.whole;
	}
	ok(acknowledged && k > 8, "%s: killed at %d places, then acknowledged", name,
	    k - 2);
	ok(none_lost, "H076 %s: an acknowledged message is there", name);
	ok(seen_whole, "H076 %s: nothing half-written is ever in new/", name);
	ok(clean, "%s: recovery leaves no file of a dead process in tmp/", name);
	ok(brought_back >= 3, "%s: complete but not yet renamed (%d times): brought back", name,
	    brought_back);
}

static void
test_locked(void)
{
	struct queue_message *m = &fixture_message;
	struct queue_facts facts = { 0 };

	must(receive(&f.q, m, SL("x\r\n"), 9) == 0, "receive");
	ok(queue_recover_all(&f.q) == 0 && names_in(f.q.tmp) == 1,
	    "recovery leaves a file alone that is being written");
	ok(queue_commit(&f.q, m, &facts) == 0 && file_is_whole(f.q.fresh, m->id, SL("x\r\n")),
	    "the message arrives afterwards");
	must(unlinkat(f.q.fresh, m->id, 0) == 0, "unlinkat");
}

static void
put_file(const char *id, const char *text, size_t n)
{
	int fd = openat(f.q.tmp, id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fd >= 0 && queue_write(fd, slice_of(text, n)) == 0, "put_file");
	(void)close(fd);
}

static bool
rejected(const char *id, const char *text, size_t n)
{
	put_file(id, text, n);
	return queue_recover_all(&f.q) == 0 && names_in(f.q.tmp) == 0 && names_in(f.q.fresh) == 0;
}

/* Damage by a crash: the tail is lost; sectors or pages are zeros, or have older content. */
static void
test_damage(size_t content_size)
{
	char *content = pattern(content_size), *junk = pattern(8192) + 4096, id[QUEUE_ID_SIZE],
	     *text, *copy;
	bool cut = true, holes = true, stale = true, swapped = true;
	size_t n, step = content_size / 100 + 1;
	off_t size;
	int fd;

	must(submit(&f.q, slice_of(content, content_size), 4096, id) == 0, "submit");
	fd = queue_file(f.q.fresh, id, &size);
	n = (size_t)size;
	text = malloc(n);
	copy = malloc(n);
	must(fd >= 0 && text && copy && queue_read_at(fd, text, n, 0) == 0, "read");
	must(unlinkat(f.q.fresh, id, 0) == 0 && close(fd) == 0, "unlinkat");
	for (size_t i = 0; i < n; i += i < 300 || i + 300 > n ? 1 : step)
		cut &= rejected(id, text, i);
	for (size_t block = 512; block <= 4096; block *= 8) {
		for (size_t i = 0; i < n; i += block) {
			size_t len = n - i < block ? n - i : block;

			memcpy(copy, text, n);
			memset(copy + i, 0, len);
			holes &= rejected(id, copy, n);
			memcpy(copy + i, junk, len);
			stale &= rejected(id, copy, n);
		}
		for (size_t i = QUEUE_FIXED; i + 2 * block <= n; i += block) {
			memcpy(copy, text, n);
			memcpy(copy + i, text + i + block, block);
			memcpy(copy + i + block, text + i, block);
			swapped &= rejected(id, copy, n);
		}
	}
	ok(cut, "%zu octets of content: cut anywhere, the file is incomplete", content_size);
	ok(holes, "any sector or page of zeros: incomplete");
	ok(stale, "any sector or page of other content: incomplete");
	ok(swapped, "two sectors or pages exchanged: incomplete");
	put_file(id, text, n);
	ok(queue_recover_all(&f.q) == 1 &&
		file_is_whole(f.q.fresh, id, slice_of(content, content_size)),
	    "the file as it was written is complete");
	must(unlinkat(f.q.fresh, id, 0) == 0, "unlinkat");
	free(junk - 4096);
	free(content);
	free(text);
	free(copy);
}

/* A crash undoes the renames, but keeps what was written to the file later. */
static void
test_worked_on(void)
{
	struct queue_entry e;
	char id[QUEUE_ID_SIZE];

	must(submit(&f.q, SL("x\r\n"), 9, id) == 0 && queue_take_new(&f.q, NULL, NULL) == 1,
	    "submit");
	must(queue_load(&f.q, id, &e) == 0, "queue_load");
	must(queue_mark(&e, 0, QUEUE_DELIVERED) == 0 && queue_mark(&e, 1, QUEUE_FAILED) == 0 &&
		queue_mark_warned(&e) == 0 &&
		queue_note(&e, SL("<a@example.org> delivered")) == 0 &&
		queue_defer(&f.q, &e, 60) == 0 && queue_take_due(&f.q, 60, false, NULL, NULL) == 1,
	    "work");
	queue_unload(&e);
	must(renameat(f.q.cur, id, f.q.tmp, id) == 0, "renameat");
	ok(queue_recover_all(&f.q) == 1 && queue_take_new(&f.q, NULL, NULL) == 1,
	    "a message on which the runner has worked is complete");
	ok(queue_load(&f.q, id, &e) == 0 && e.rcpts[0].state == QUEUE_DELIVERED &&
		e.rcpts[1].state == QUEUE_FAILED && e.attempts == 1 && e.warned,
	    "the states of its recipients are kept");
	queue_unload(&e);
	must(queue_finish(&f.q, id) == 0, "queue_finish");
}

static void
test_foreign(void)
{
	char id[QUEUE_ID_SIZE];

	must(submit(&f.q, SL("x\r\n"), 9, id) == 0 && renameat(f.q.fresh, id, f.q.tmp, id) == 0,
	    "submit");
	must(mkdirat(f.q.tmp, "0000000000000000", 0700) == 0 &&
		mkfifoat(f.q.tmp, "0000000000000001", 0600) == 0 &&
		symlinkat("/etc/passwd", f.q.tmp, "0000000000000002") == 0 &&
		mkdirat(f.q.tmp, "lost+found", 0700) == 0,
	    "mkdirat");
	ok(queue_recover_all(&f.q) < 0, "an entry of tmp/ that is no file is an error");
	ok(file_is_whole(f.q.fresh, id, SL("x\r\n")), "such an entry keeps no message back");
	ok(names_in(f.q.tmp) == 4, "such an entry is left in tmp/");
}

/* Write a message whose content is only zeros, and of which the file holds none. */
static void
put_sparse(const char *id, const char *head, size_t n, uint64_t claimed)
{
	char text[QUEUE_FIXED + 4096], size[17];
	int fd;

	memcpy(text, head, n);
	(void)snprintf(size, sizeof size, "%016llu", (unsigned long long)claimed);
	memcpy(text + sizeof "smtp-handler 1 size=" - 1, size, 16);
	put_file(id, text, n);
	fd = openat(f.q.tmp, id, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, (off_t)claimed) == 0 && close(fd) == 0, "ftruncate");
}

static void
test_sparse(void)
{
	const size_t zeros = 1000003;
	char *content = calloc(1, zeros), head[4096], id[QUEUE_ID_SIZE];
	struct queue_fixed fixed = { 0 };
	const int64_t begin_us = clock_us();
	off_t size;
	int fd;

	must(content && submit(&f.q, slice_of(content, zeros), 4096, id) == 0, "submit");
	fd = queue_file(f.q.fresh, id, &size);
	must(fd >= 0 && queue_read_at(fd, head, QUEUE_FIXED, 0) == 0 &&
		queue_fixed_parse(head, &fixed) == 0 &&
		queue_read_at(fd, head, fixed.envelope, 0) == 0 && close(fd) == 0 &&
		unlinkat(f.q.fresh, id, 0) == 0, "read");
	put_sparse(id, head, fixed.envelope, fixed.size);
	ok(queue_recover_all(&f.q) == 1 &&
		file_is_whole(f.q.fresh, id, slice_of(content, zeros)),
	    "a hole has the same sum as zeros");
	must(unlinkat(f.q.fresh, id, 0) == 0, "unlinkat");
	put_sparse(id, head, fixed.envelope, UINT64_C(100) << 30);
	ok(queue_recover_all(&f.q) == 0 && names_in(f.q.tmp) == 0,
	    "a sparse file that claims 100 GB is incomplete");
	ok(clock_us() - begin_us < 5000000, "its cost does not depend on its size");
	free(content);
}

static void
test_steps(void)
{
	char *content = pattern(1000000), id[QUEUE_ID_SIZE];
	struct queue_recovery v = { 0 };
	int calls = 0, moved = 0;

	must(submit(&f.q, slice_of(content, 1000000), 4096, id) == 0 &&
		renameat(f.q.fresh, id, f.q.tmp, id) == 0, "submit");
	do {
		moved += queue_recover(&f.q, &v, 0);
		calls++;
	} while (queue_recovering(&v));
	ok(moved == 1 && calls > 10, "a message is brought back a piece at a time (%d)", calls);
	must(renameat(f.q.fresh, id, f.q.tmp, id) == 0, "renameat");
	must(queue_recover(&f.q, &v, 0) == 0 && queue_recovering(&v), "queue_recover");
	queue_recovery_end(&v);
	ok(queue_recover_all(&f.q) == 1, "after an end in between the file is not locked");
	must(unlinkat(f.q.fresh, id, 0) == 0, "unlinkat");
	free(content);
}

int
main(void)
{
	char *p = pattern(200000);

	fixture_open(&f);
	f.q.names_apart = true;		/* each file system has the longer order then */
	test_kill(SL("Subject: x\r\n\r\nx\r\n"), "small");
	test_kill(slice_of(p, 200000), "big");
	test_locked();
	test_damage(40);
	test_damage(5000);
	test_damage(150000);
	test_worked_on();
	test_sparse();
	test_steps();
	test_foreign();
	fixture_close(&f);
	free(p);
	return tap_done();
}
