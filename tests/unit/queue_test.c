// SPDX-License-Identifier: ISC
/* queue.c: the system calls for a message, its file, and errors of the disk. */
#include "tests/unit/queue_fixture.h"
#include "tests/unit/queue_faults.h"

static struct fixture f;

static void
test_id(void)
{
	static const struct {
		const char *name;
		bool is_id;
	} cases[] = {
		{ "0123456789ABCDEF", true },
		{ "ZZZZZZZZZZZZZZZZ", true },
		{ "0123456789ABCDE", false },
		{ "0123456789ABCDEF0", false },
		{ "0123456789abcdef", false },
		{ "0123456789ABCDEI", false },
		{ "0123456789ABCDEL", false },
		{ "0123456789ABCDEO", false },
		{ "0123456789ABCDEU", false },
		{ ".123456789ABCDEF", false },
		{ "../3456789ABCDEF", false },
		{ "", false },
	};
	char a[QUEUE_ID_SIZE], b[QUEUE_ID_SIZE];
	bool sorted = true;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(queue_is_id(cases[i].name) == cases[i].is_id, "id '%s'", cases[i].name);
	for (int i = 0; i < 1000; i++) {
		must(queue_id_make(a) == 0 && usleep(1) == 0 && queue_id_make(b) == 0,
		    "queue_id_make");
		sorted &= queue_is_id(a) && strcmp(a, b) < 0;
	}
	ok(sorted, "a later ID sorts after an earlier one");
}

static void
test_cost(void)
{
	int want[CALLS] = {
		[CALL_OPENAT] = 1, [CALL_FLOCK] = 1, [CALL_FSTAT] = 1, [CALL_WRITE] = 1,
		[CALL_RENAMEAT] = 1,
	};
	char id[QUEUE_ID_SIZE], other[32];
	int r;

	for (int apart = 0; apart < 2; apart++) {
		f.q.names_apart = apart == 1;
		want[CALL_FSYNC] = 1 + apart;
		faults_arm(0, 0);
		r = submit(&f.q, SL("Subject: x\r\n\r\nx\r\n"), 4, id);
		faults_disarm();
		ok(r == 0 && memcmp(faults.count, want, sizeof want) == 0,
		    "H076 a small message: openat, flock, fstat, one write, %s, one renameat",
		    apart ? "fsync of the file and of tmp/" : "fsync of the file");
		ok(file_is_whole(f.q.fresh, id, SL("Subject: x\r\n\r\nx\r\n")),
		    "the message is in new/, whole");
	}
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(other, sizeof other, "Z%015d", i);
		must(linkat(f.q.fresh, id, f.q.fresh, other, 0) == 0, "linkat");
	}
	faults_arm(0, 0);
	r = submit(&f.q, SL("Subject: y\r\n\r\ny\r\n"), 4, other);
	faults_disarm();
	ok(r == 0 && memcmp(faults.count, want, sizeof want) == 0,
	    "the same calls with 10,000 other messages");
	must(queue_take_new(&f.q, NULL, NULL) == 10003, "queue_take_new");
}

/* Another user's folders: the same calls, with a syncfs in place of the fsync of the folder.  The
 * file is closed to its maker. */
static void
test_handing(void)
{
	int want[CALLS] = {
		[CALL_OPENAT] = 1, [CALL_FLOCK] = 1, [CALL_FSTAT] = 1, [CALL_WRITE] = 1,
		[CALL_FSYNC] = 1, [CALL_RENAMEAT] = 1,
	};
	struct queue q = f.q;
	const mode_t mask = umask(0);
	char id[QUEUE_ID_SIZE];
	struct stat st;
	int r;

	q.handing = true;
	for (int apart = 0; apart < 2; apart++) {
		q.names_apart = apart == 1;
		want[CALL_SYNCFS] = apart;
		faults_arm(0, 0);
		r = submit(&q, SL("Subject: x\r\n\r\nx\r\n"), 4, id);
		faults_disarm();
		ok(r == 0 && memcmp(faults.count, want, sizeof want) == 0,
		    apart ? "another user's folder elsewhere: fsync of the file, then syncfs"
			  : "another user's folder on ext4, xfs or btrfs: fsync of the file alone");
		ok(fstatat(q.fresh, id, &st, 0) == 0 && (st.st_mode & 07777) == 0060,
		    "only the group of the file may open it");
		must(unlinkat(q.fresh, id, 0) == 0, "unlinkat");
	}
	faults_arm(6, EIO);		/* openat, flock, fstat, write, fsync, syncfs */
	r = submit(&q, SL("Subject: x\r\n\r\nx\r\n"), 4, id);
	faults_disarm();
	ok(r == -EIO && faults.count[CALL_SYNCFS] == 1 && faults.count[CALL_RENAMEAT] == 0,
	    "a syncfs that fails: the message is not accepted");
	(void)umask(mask);
}

/* Sizes around the size of the buffer, in pieces of every kind. */
static void
test_contents(void)
{
	static const size_t sizes[] = { 0, 1, 3, 4095, 65000, 65535, 65536, 65537, 131072, 300001,
		5000000 };
	static const size_t pieces[] = { 1, 7, 4096, 32768, 65536, 100000, SIZE_MAX };
	const size_t npieces = sizeof pieces / sizeof pieces[0];
	char *p = pattern(5000000), id[QUEUE_ID_SIZE];

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct slice content = slice_of(p, sizes[i]);
		bool whole = true, back = true;

		for (size_t j = sizes[i] > 1000000 ? 2 : 0; j < npieces; j++) {
			whole &= submit(&f.q, content, pieces[j], id) == 0;
			whole &= file_is_whole(f.q.fresh, id, content);
			/* A power cut undoes the rename: recovery checks the sum in the file. */
			must(renameat(f.q.fresh, id, f.q.tmp, id) == 0, "renameat");
			back &= queue_recover_all(&f.q) == 1 &&
			    file_is_whole(f.q.fresh, id, content);
			must(unlinkat(f.q.fresh, id, 0) == 0, "unlinkat");
		}
		ok(whole, "content of %zu octets arrives in all kinds of pieces", sizes[i]);
		ok(back, "content of any size: recovery finds it complete");
	}
	ok(names_in(f.q.tmp) == 0, "nothing is left in tmp/");
	free(p);
}

/* Submit with the fault at each call in turn.  No half message appears. */
static void
each_call_fails(struct slice content, int error, const char *name)
{
	char id[QUEUE_ID_SIZE];
	bool refused = true, clean = true;
	int calls, r;

	faults_arm(0, 0);
	must(submit(&f.q, content, SIZE_MAX, id) == 0, "submit");
	calls = faults.seen;
	faults_disarm();
	must(unlinkat(f.q.fresh, id, 0) == 0, "unlinkat");
	for (int k = 1; k <= calls; k++) {
		faults_arm(k, error);
		r = submit(&f.q, content, SIZE_MAX, id);
		faults_disarm();
		refused &= r == -error;
		clean &= names_in(f.q.fresh) == 0 && names_in(f.q.tmp) == 0;
	}
	ok(calls >= 7 && refused, "H028 %s: %s at any of %d calls is an error", name,
	    strerror(error), calls);
	ok(clean, "after an error no message is there");
}

static void
test_disk_trouble(void)
{
	char *p = pattern(300000), id[QUEUE_ID_SIZE];
	struct slice small = SL("Subject: x\r\n\r\nx\r\n"), big = slice_of(p, 300000);
	int fds = open_descriptors();

	f.q.names_apart = true;
	each_call_fails(small, ENOSPC, "small");
	each_call_fails(small, EIO, "small");
	each_call_fails(big, ENOSPC, "big");
	each_call_fails(big, EIO, "big");
	ok(open_descriptors() == fds, "no descriptor is lost after an error");
	for (size_t max = 1; max < 100000; max = max * 7 + 1) {
		faults_arm(0, 0);
		faults.write_max = max;
		ok(submit(&f.q, max < 50 ? small : big, SIZE_MAX, id) == 0 &&
			file_is_whole(f.q.fresh, id, max < 50 ? small : big),
		    "writes cut to %zu octets are continued", max);
	}
	faults_arm(0, 0);
	faults.interrupt = true;
	ok(submit(&f.q, big, 5000, id) == 0 && file_is_whole(f.q.fresh, id, big),
	    "interrupted calls are tried again");
	faults_disarm();
	must(queue_take_new(&f.q, NULL, NULL) > 0, "queue_take_new");
	free(p);
}

static int taken_away;

static void
take_away(enum call call)
{
	if (call != CALL_FLOCK || taken_away == 0)
		return;
	taken_away--;
	must(__real_unlinkat(f.q.tmp, fixture_message.id, 0) == 0, "unlinkat");
}

static void
test_names(void)
{
	char id[QUEUE_ID_SIZE];
	int r;

	taken_away = 3;
	faults_arm(0, 0);
	faults.before = take_away;
	r = submit(&f.q, SL("x\r\n"), 10, id);
	ok(r == 0 && faults.count[CALL_OPENAT] == 4 && file_is_whole(f.q.fresh, id, SL("x\r\n")),
	    "a file that recovery removes before it is locked: another ID");
	taken_away = 1000;
	faults_arm(0, 0);
	faults.before = take_away;
	r = submit(&f.q, SL("x\r\n"), 10, id);
	ok(r == -ESTALE && faults.count[CALL_OPENAT] < 100,
	    "files that recovery removes again and again: an error");
	faults_arm(1, EEXIST);
	r = submit(&f.q, SL("x\r\n"), 10, id);
	faults_disarm();
	ok(r == 0 && file_is_whole(f.q.fresh, id, SL("x\r\n")), "an ID that is in use: another ID");
	must(queue_take_new(&f.q, NULL, NULL) == 2 && names_in(f.q.tmp) == 0, "queue_take_new");
}

static void
test_envelope(void)
{
	struct queue_message *m = &fixture_message;
	struct queue_facts facts = { 0 };
	struct queue_entry e = { .fd = -1 };
	struct stat st;
	char path[64], *big = pattern(100000);
	int r, calls;

	queue_begin(m);
	queue_from(m, SL(""), SL(""));
	queue_field(m, "client", SL("evil\nP <x@example.org>\r\n\0\x7f\t."));
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof path, "recipient-%d@example.org", i);
		queue_rcpt(&f.q, m, slice_str(path),
		    i % 2 ? SL("") : SL("NOTIFY=SUCCESS,\nFAILURE"));
	}
	must(queue_head_end(&f.q, m, 0) == 0 && fstat(m->fd, &st) == 0, "queue_head_end");
	ok((st.st_mode & 07777) == 0600, "files are for their owner only");
	ok(fcntl(m->fd, F_GETFD) == FD_CLOEXEC, "files are closed on exec");
	must(queue_commit(&f.q, m, &facts) == 0 && queue_take_new(&f.q, NULL, NULL) == 1,
	    "queue_commit");
	r = queue_load(&f.q, m->id, &e);
	if (ok(r == 0 && e.nrcpts == 5000, "five thousand recipients")) {
		is(e.client, SL("evil?P <x@example.org>?????."), "a value cannot end its line");
		is(e.rcpts[4998].path, SL("recipient-4998@example.org"), "path");
		is(e.rcpts[4998].params, SL("NOTIFY=SUCCESS,?FAILURE"), "parameters");
		is(e.from, SL(""), "null sender");
	}
	queue_unload(&e);
	queue_begin(m);
	faults_arm(0, 0);
	queue_field(m, "client", slice_of(big, 100000));
	r = queue_head_end(&f.q, m, 0);
	calls = faults.seen;
	faults_disarm();
	ok(r == -EMSGSIZE && calls == 0, "fields beyond the buffer are refused");
	ok(queue_commit(&f.q, m, &facts) == -EMSGSIZE, "an error sticks");
	queue_begin(m);
	ok(queue_commit(&f.q, m, &facts) == -EINVAL && names_in(f.q.tmp) == 0,
	    "no commit without an envelope");
	free(big);
}

static void
test_abort(void)
{
	struct queue_message *m = &fixture_message;
	struct queue_facts facts = { 0 };

	memset(m, 0, sizeof *m);
	queue_abort(&f.q, m);
	ok(fcntl(0, F_GETFD) >= 0, "abort of a message that never began");
	queue_begin(m);
	queue_abort(&f.q, m);
	must(receive(&f.q, m, SL("x\r\n"), 9) == 0, "receive");
	ok(names_in(f.q.tmp) == 1, "at the end of the envelope there is a file");
	queue_abort(&f.q, m);
	queue_abort(&f.q, m);
	ok(names_in(f.q.tmp) == 0 && names_in(f.q.fresh) == 0, "H023 abort leaves nothing");
	ok(queue_commit(&f.q, m, &facts) == -EINVAL && names_in(f.q.fresh) == 0,
	    "after an abort there is no commit");
	must(receive(&f.q, m, SL("x\r\n"), 9) == 0 && queue_commit(&f.q, m, &facts) == 0,
	    "queue_commit");
	queue_abort(&f.q, m);
	ok(file_is_whole(f.q.fresh, m->id, SL("x\r\n")), "abort after commit touches nothing");
	must(queue_take_new(&f.q, NULL, NULL) == 1, "queue_take_new");
}

static void
test_memory(void)
{
	struct queue_message *m = &fixture_message;
	struct queue_facts facts = { .no_final_crlf = true };
	struct queue_entry e = { .fd = -1 };
	char text[4096];
	ssize_t n;
	int fd, fds = open_descriptors();

	queue_begin_memory(m);
	queue_from(m, SL("a@example.org"), SL(""));
	queue_rcpt(NULL, m, SL("b@example.org"), SL(""));
	ok(queue_head_end(NULL, m, 0) == 0 && queue_content(m, SL("text")) == 0 &&
		queue_commit(NULL, m, &facts) == 0,
	    "a message in memory needs no queue");
	fd = queue_take_memory(m);
	n = pread(fd, text, sizeof text, 0);
	ok(n > 4 && memcmp(text + n - 4, "text", 4) == 0 &&
		queue_envelope_parse(slice_of(text, (size_t)n - 4), &e) == 0 &&
		e.facts.no_final_crlf,
	    "a message in memory reads like one on disk");
	queue_unload(&e);
	queue_abort(NULL, m);
	(void)close(fd);
	queue_begin_memory(m);
	must(queue_head_end(NULL, m, 0) == 0, "queue_head_end");
	queue_abort(NULL, m);
	ok(open_descriptors() == fds, "a message in memory leaves nothing");
}

static void
test_folders(void)
{
	struct queue q;
	struct stat st;
	char path[96];
	bool alone = true, closed = true;
	const int fds = open_descriptors();

	(void)snprintf(path, sizeof path, "%s/other", f.path);
	ok(queue_open(&q, path, QUEUE_RECEIVE) == 0 && q.tmp >= 0 && q.fresh >= 0 && q.cur < 0 &&
		q.state < 0,
	    "a session creates and opens the folders it needs");
	ok(fstat(q.tmp, &st) == 0 && (st.st_mode & 07777) == 0700,
	    "folders are for their owner only");
	ok(queue_free_space(&q) > 0, "free space is known");
	queue_close(&q);
	ok(queue_open(&q, path, QUEUE_LOOK) == 0 && q.tmp >= 0 && q.cur == -1 && q.state == -1,
	    "QUEUE_LOOK creates nothing");
	queue_close(&q);
	must(queue_open(&q, path, QUEUE_RUN) == 0, "queue_open");
	for (const int *fd = &q.root; fd <= &q.state; fd++)
		alone &= fcntl(*fd, F_GETFD) == FD_CLOEXEC;
	ok(alone, "the folders are closed on exec");
	queue_close(&q);
	for (const int *fd = &q.root; fd <= &q.state; fd++)
		closed &= *fd == -1;
	ok(closed && open_descriptors() == fds, "queue_close closes all");
	(void)snprintf(path, sizeof path, "%s/missing/queue", f.path);
	ok(queue_open(&q, path, QUEUE_RUN) == -ENOENT && q.tmp == -1,
	    "folders above the queue are not made");
	(void)snprintf(path, sizeof path, "%s/other/tmp", f.path);
	must(rmdir(path) == 0 && symlink("/tmp", path) == 0, "symlink");
	(void)snprintf(path, sizeof path, "%s/other", f.path);
	ok(queue_open(&q, path, QUEUE_RUN) < 0 && open_descriptors() == fds,
	    "a folder that is a link is refused");
}

/* The files of /proc have names that cannot be synced. */
static void
test_unsynced(void)
{
	const int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ok(fd >= 0 && queue_sync_folder(fd) == -EOPNOTSUPP,
	    "a file system that cannot sync folders has an error of its own");
	ok(strstr(queue_advice(QUEUE_RUN, -EOPNOTSUPP), "file system") != NULL,
	    "its advice is about the file system");
	ok(queue_sync_folder(f.q.tmp) == 0, "other folders are synced");
	ok(queue_sync_folder(-1) == -EBADF, "other errors stay as they are");
	(void)close(fd);
}

int
main(void)
{
	fixture_open(&f);
	test_unsynced();
	test_id();
	test_cost();
	test_handing();
	test_contents();
	test_disk_trouble();
	test_names();
	test_envelope();
	test_abort();
	test_memory();
	test_folders();
	fixture_close(&f);
	return tap_done();
}
