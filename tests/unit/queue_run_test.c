// SPDX-License-Identifier: ISC
/* queue/run.h: taking, marking, deferring, burying; one runner at a time. */
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/queue_fixture.h"

#define DAY_S 86400

static struct fixture f;
static const struct slice content = S("Subject: x\r\n\r\nx\r\n");

/* A message in cur/. */
static void
fresh(char id[QUEUE_ID_SIZE])
{
	must(submit(&f.q, content, SIZE_MAX, id) == 0 && queue_take_new(&f.q, NULL, NULL) == 1,
	    "fresh");
}

static void
drop(const char *id)
{
	must(queue_finish(&f.q, id) == 0, "queue_finish");
}

static void
test_load(void)
{
	char id[QUEUE_ID_SIZE], text[64];
	struct queue_entry e = { .fd = -1 };
	int fds = open_descriptors();

	fresh(id);
	ok(queue_load(&f.q, id, &e) == 0 && strcmp(e.id, id) == 0, "load");
	ok(e.nrcpts == 2 && e.rcpts[0].state == QUEUE_PENDING && e.rcpts[1].state == QUEUE_PENDING,
	    "all recipients are pending");
	is(e.from, SL("sender@example.org"), "the reverse-path");
	is(e.from_params, SL("SIZE=100"), "parameters of the reverse-path");
	is(e.client, SL("client.example [192.0.2.1]"), "the client");
	is(e.rcpts[1].path, SL("b@example.net"), "a recipient");
	is(e.rcpts[1].domain, SL("example.net"), "the domain of a recipient");
	is(e.rcpts[1].params, SL("NOTIFY=NEVER"), "the parameters of a recipient");
	ok(e.facts.eight_bit && e.facts.dot_line && !e.facts.utf8_header && !e.facts.binary &&
		!e.facts.no_final_crlf && e.facts.longest_line == 77,
	    "facts");
	ok(e.arrived_us / 1000000 - time(NULL) < 5 && time(NULL) - e.arrived_us / 1000000 < 60,
	    "the time of arrival");
	ok(e.attempts == 0 && !e.warned, "no attempt yet");
	must(e.content_size == content.n &&
		pread(e.fd, text, content.n, (off_t)e.content_at) == (ssize_t)content.n,
	    "pread");
	is(slice_of(text, content.n), content, "content");
	ok(fcntl(e.fd, F_GETFD) == FD_CLOEXEC, "the file is closed on exec");
	queue_unload(&e);
	queue_unload(&e);
	ok(open_descriptors() == fds, "unload leaves nothing");
	ok(queue_load(&f.q, "../tmp/x", &e) == -EINVAL &&
		queue_load(&f.q, "0000000000000000", &e) == -ENOENT,
	    "a message that is not there");
	drop(id);
	ok(names_in(f.q.cur) == 0 && queue_finish(&f.q, id) == -ENOENT,
	    "a finished message is gone");
}

static void
make_state(const char *name)
{
	const int fd = openat(f.q.state, name, O_WRONLY | O_CREAT, 0600);

	must(fd >= 0, name);
	(void)close(fd);
}

static void
test_state(void)
{
	make_state("hosts");
	make_state("hosts.new");
	make_state(".new");
	queue_state_sweep(&f.q);
	ok(faccessat(f.q.state, "hosts", F_OK, 0) == 0 &&
		faccessat(f.q.state, "hosts.new", F_OK, 0) < 0,
	    "a file that was to replace another one is removed");
	ok(unlinkat(f.q.state, ".new", 0) == 0 && unlinkat(f.q.state, "hosts", 0) == 0,
	    "other files stay");
}

/* Two processes with the message open.  Each marks one recipient and writes to the log. */
static void
test_mark(void)
{
	enum { NOTES = 500 };
	char id[QUEUE_ID_SIZE];
	struct queue_entry a = { .fd = -1 }, b = { .fd = -1 };
	int hello[2], status;
	pid_t child;
	char octet;

	fresh(id);
	must(pipe(hello) == 0 && queue_load(&f.q, id, &a) == 0, "queue_load");
	child = fork();
	if (child == 0) {
		bool good = queue_load(&f.q, id, &b) == 0 && queue_mark(&b, 1, QUEUE_FAILED) == 0 &&
		    write(hello[1], "x", 1) == 1;

		for (int i = 0; good && i < NOTES; i++)
			good = queue_note(&b, SL("<b@example.net> from the child")) == 0;
		_exit(!good);
	}
	must(child > 0 && queue_mark(&a, 0, QUEUE_DELIVERED) == 0, "queue_mark");
	must(close(hello[1]) == 0 && read(hello[0], &octet, 1) == 1 && close(hello[0]) == 0,
	    "the octet of the child");
	for (int i = 0; i < NOTES; i++)
		must(queue_note(&a, SL("<a@example.org> from the parent")) == 0, "queue_note");
	must(waitpid(child, &status, 0) == child && status == 0, "child");
	ok(a.rcpts[0].state == QUEUE_DELIVERED && a.rcpts[1].state == QUEUE_PENDING,
	    "a process sees its own mark at once");
	queue_unload(&a);
	must(queue_load(&f.q, id, &a) == 0, "queue_load");
	ok(a.rcpts[0].state == QUEUE_DELIVERED && a.rcpts[1].state == QUEUE_FAILED,
	    "R147 both marks are in the file");
	{
		char *text = malloc(65536);
		ssize_t n =
		    text ? pread(a.fd, text, 65536, (off_t)(a.content_at + a.content_size)) : -1;
		struct slice rest = slice_of(text, n > 0 ? (size_t)n : 0), line;
		int parent = 0, other = 0, broken = 0;

		while (rest.n) {
			line = slice_skip(slice_cut(rest, '\n', &rest), 21);
			parent += slice_eq(line, SL("<a@example.org> from the parent"));
			other += slice_eq(line, SL("<b@example.net> from the child"));
			broken++;
		}
		ok(parent == NOTES && other == NOTES && broken == 2 * NOTES,
		    "all notes of both processes are there, each on its own line");
		free(text);
	}
	must(queue_mark_warned(&a) == 0, "queue_mark_warned");
	queue_unload(&a);
	ok(queue_load(&f.q, id, &a) == 0 && a.warned && a.attempts == 0,
	    "the mark of a delay notice is kept");
	queue_unload(&a);
	drop(id);
}

static void
test_notes(void)
{
	char id[QUEUE_ID_SIZE], space[4096], line[200];
	struct buf b = BUF(space);
	struct queue_entry e;
	struct stat st;
	off_t size;
	struct slice from;
	bool bounded = true;

	fresh(id);
	must(queue_load(&f.q, id, &e) == 0, "queue_load");
	queue_last_note(&e, SL("a@example.org"), &b);
	ok(b.n == 0, "without a log there is no note");
	must(queue_note(&e, SL("<a@example.org> deferred: one")) == 0 &&
	    queue_note(&e, SL("<a@example.org> deferred:\ntwo\x1b")) == 0 &&
	    queue_note(&e, SL("<b@example.net> deferred: three")) == 0 &&
	    queue_note(&e, SL("<a@example.orgx> four")) == 0, "queue_note");
	queue_last_note(&e, SL("a@example.org"), &b);
	is(buf_slice(&b), SL("<a@example.org> deferred:?two?"),
	    "the last note of a path, without control characters");
	b.n = 0;
	queue_last_note(&e, SL("c@example.net"), &b);
	ok(b.n == 0, "no note of other paths");
	b = (struct buf){ .p = space, .cap = 20 };
	queue_last_note(&e, SL("b@example.net"), &b);
	is(buf_slice(&b), SL("<b@example.net> defe"), "a note is cut to the space for it");
	must(queue_note_again(&e, SL("b@example.net"), SL("<b@example.net> deferred: other"),
	    sizeof "<b@example.net> deferred" - 1) == 0 && fstat(e.fd, &st) == 0, "another");
	size = st.st_size;
	must(queue_note_again(&e, SL("b@example.net"), SL("<b@example.net> deferred: again"),
	    sizeof "<b@example.net> deferred" - 1) == 0 && fstat(e.fd, &st) == 0, "again");
	b = (struct buf)BUF(space);
	queue_last_note(&e, SL("b@example.net"), &b);
	ok(st.st_size == size && slice_eq(buf_slice(&b), SL("<b@example.net> deferred: again")),
	    "a note replaces one that is like it");
	must(queue_note_again(&e, SL("b@example.net"), SL("<b@example.net> delivered:again"),
	    sizeof "<b@example.net> deferred" - 1) == 0 && fstat(e.fd, &st) == 0, "unlike");
	ok(st.st_size > size, "but not another one");
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(line, sizeof line,
		    "<a@example.org> note %d with a text of the usual length, as replies are", i);
		must(queue_note(&e, slice_str(line)) == 0 && fstat(e.fd, &st) == 0, "queue_note");
		bounded &= (uint64_t)st.st_size - e.content_at - e.content_size <= 65536;
	}
	ok(bounded, "the log is bounded");
	b = (struct buf)BUF(space);
	queue_last_note(&e, SL("a@example.org"), &b);
	is(buf_slice(&b), slice_str(line), "the newest note is there");
	b.n = 0;
	queue_last_note(&e, SL("b@example.net"), &b);
	ok(b.n == 0, "the oldest note is not there");
	must(pread(e.fd, space, 22, (off_t)(e.content_at + e.content_size)) == 22, "pread");
	from = slice_of(space + 19, 3);
	is(from, SL("Z <"), "the log begins with a whole line");
	must(queue_note(&e, slice_of(memset(space, 'x', sizeof space), sizeof space)) == 0,
	    "a long line");
	queue_unload(&e);
	ok(queue_load(&f.q, id, &e) == 0 && file_is_whole(f.q.cur, id, content) == false &&
		e.content_size == content.n,
	    "the message before the log is unchanged");
	must(ftruncate(e.fd, (off_t)(e.content_at + e.content_size)) == 0, "ftruncate");
	ok(file_is_whole(f.q.cur, id, content), "the content before the log is unchanged");
	queue_unload(&e);
	drop(id);
}

/* A process that keeps the lock of the log, as one does that was stopped in a note. */
static void
test_stopped(void)
{
	enum { WAIT_S = 20 };
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct queue_entry e = { .fd = -1 };
	char id[QUEUE_ID_SIZE], octet;
	int hello[2], status;
	pid_t child;

	fresh(id);
	must(pipe(hello) == 0 && queue_load(&f.q, id, &e) == 0, "queue_load");
	child = fork();
	if (child == 0) {
		struct queue_entry own = { .fd = -1 };

		(void)alarm(WAIT_S);
		if (queue_load(&f.q, id, &own) == 0 && fcntl(own.fd, F_SETLK, &all) == 0 &&
		    write(hello[1], "x", 1) == 1)
			(void)pause();
		_exit(1);
	}
	must(child > 0 && close(hello[1]) == 0 && read(hello[0], &octet, 1) == 1 &&
	    close(hello[0]) == 0, "the lock of the child");
	ok(queue_note(&e, SL("x")) == -EAGAIN, "a note does not wait for ever for its turn");
	(void)kill(child, SIGKILL);
	must(waitpid(child, &status, 0) == child, "child");
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && queue_note(&e, SL("x")) == 0,
	    "the next one can be written");
	queue_unload(&e);
	drop(id);
}

static void
test_duplicates(void)
{
	static const struct {
		const char *path;
		char want;
	} rcpts[] = {
		{ "a@example.org", 'P' },
		{ "A@example.org", 'P' },
		{ "a@EXAMPLE.org", 'D' },
		{ "\"a\"@example.org", 'P' },
		{ "b@example.org", 'P' },
		{ "a@example.org", 'D' },
		{ "\"x@y>z\"@example.org", 'P' },
		{ "\"x@y>z\"@Example.Org", 'D' },
		{ "a@f\303\266tz.example", 'P' },
		{ "a@xn--ftz-sna.example", 'D' },
		{ "a@FO\314\210TZ.Example", 'D' },
		{ "A@f\303\266tz.example", 'P' },
		{ "postmaster", 'P' },
		{ "postmaster", 'D' },
	};
	struct queue_message *m = &fixture_message;
	struct queue_facts facts = { 0 };
	struct queue_entry e;

	queue_begin(m);
	queue_from(m, SL(""), SL(""));
	for (size_t i = 0; i < sizeof rcpts / sizeof rcpts[0]; i++)
		queue_rcpt(&f.q, m, slice_str(rcpts[i].path), SL(""));
	must(queue_head_end(&f.q, m, 0) == 0 && queue_commit(&f.q, m, &facts) == 0 &&
		queue_take_new(&f.q, NULL, NULL) == 1,
	    "queue_commit");
	must(queue_load(&f.q, m->id, &e) == 0, "queue_load");
	for (size_t i = 0; i < sizeof rcpts / sizeof rcpts[0]; i++) {
		char octet;

		must(pread(e.fd, &octet, 1, e.rcpts[i].at) == 1, "pread");
		ok(e.rcpts[i].state == rcpts[i].want && octet == rcpts[i].want,
		    "H070 <%s> of %zu: %s", rcpts[i].path, i,
		    rcpts[i].want == 'P' ? "delivered to" : "a duplicate, in the file too");
	}
	queue_unload(&e);
	drop(m->id);
}

static void
test_take_new(void)
{
	char id[QUEUE_ID_SIZE];
	int r;

	must(submit(&f.q, content, SIZE_MAX, id) == 0, "submit");
	must(mkdirat(f.q.fresh, "folder", 0700) == 0 &&
		mkdirat(f.q.fresh, "folder/inside", 0700) == 0 &&
		mkdirat(f.q.fresh, "0000000000000000", 0700) == 0 &&
		symlinkat("nowhere", f.q.fresh, ".hidden") == 0 &&
		mkfifoat(f.q.fresh, "fifo", 0600) == 0,
	    "mkdirat");
	must(mkdirat(f.q.dead, "fifo", 0700) == 0 &&
		mkdirat(f.q.cur, "0000000000000000", 0700) == 0 &&
		mkdirat(f.q.cur, "0000000000000000/x", 0700) == 0,
	    "mkdirat");
	r = queue_take_new(&f.q, NULL, NULL);
	ok(r == 1 && names_in(f.q.fresh) == 0, "new/ is empty, whatever was in it");
	ok(file_is_whole(f.q.cur, id, content) && names_in(f.q.cur) == 2, "the message is in cur/");
	ok(names_in(f.q.dead) == 5, "everything else is in dead/, and replaced nothing there");
	must(unlinkat(f.q.cur, "0000000000000000/x", AT_REMOVEDIR) == 0 &&
	    unlinkat(f.q.cur, "0000000000000000", AT_REMOVEDIR) == 0, "unlinkat");
	ok(queue_take_new(&f.q, NULL, NULL) == 0, "nothing more is taken");
	drop(id);
}

static void
test_broken(void)
{
	char id[QUEUE_ID_SIZE], other[QUEUE_ID_SIZE];
	struct queue_entry e;
	int fd, fds = open_descriptors(), dead = names_in(f.q.dead);

	fresh(id);
	fd = openat(f.q.cur, id, O_RDWR | O_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 355) == 0 && close(fd) == 0, "ftruncate");
	ok(queue_load(&f.q, id, &e) == -EBADMSG, "a file that was cut is no message");
	ok(queue_bury(&f.q, id) == 0 && names_in(f.q.dead) == dead + 1 && names_in(f.q.cur) == 0,
	    "a file that was cut is buried");
	fresh(other);
	must(renameat(f.q.cur, other, f.q.cur, id) == 0, "renameat");
	ok(queue_load(&f.q, id, &e) == -EBADMSG,
	    "a message under the name of another is no message");
	ok(queue_bury(&f.q, id) == 0 && names_in(f.q.dead) == dead + 2,
	    "a second file of that name is kept in dead/");
	must(mkfifoat(f.q.cur, id, 0600) == 0 && mkdirat(f.q.cur, other, 0700) == 0, "mkfifoat");
	ok(queue_load(&f.q, id, &e) == -EBADMSG && queue_load(&f.q, other, &e) == -EBADMSG,
	    "a FIFO and a folder are no messages");
	ok(queue_bury(&f.q, id) == 0 && queue_bury(&f.q, other) == 0 && names_in(f.q.cur) == 0,
	    "a FIFO and a folder are buried");
	must(symlinkat("/etc/passwd", f.q.cur, id) == 0, "symlinkat");
	ok(queue_load(&f.q, id, &e) == -EBADMSG && queue_bury(&f.q, id) == 0,
	    "a link is no message");
	ok(queue_bury(&f.q, "../new") == -EINVAL && queue_finish(&f.q, "../new") == -EINVAL,
	    "names that are no IDs");
	ok(open_descriptors() == fds, "no descriptor is lost");
}

/* Nobody may open them, as if they were another user's. */
static void
test_closed(void)
{
	const pid_t pid = fork();
	char path[] = "/tmp/queue-closed-XXXXXX";
	int status, folder, fd;
	off_t size;

	if (pid == 0) {
		if ((geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) || !mkdtemp(path) ||
		    (folder = open(path, O_PATH | O_DIRECTORY)) < 0 ||
		    mkfifoat(folder, "0000000000000001", 0) < 0 ||
		    (fd = openat(folder, "0000000000000002", O_CREAT | O_WRONLY, 0)) < 0)
			_exit(2);
		status = queue_file(folder, "0000000000000001", &size) != -EBADMSG ||
		    queue_file(folder, "0000000000000002", &size) != -EACCES;
		(void)unlinkat(folder, "0000000000000001", 0);
		(void)unlinkat(folder, "0000000000000002", 0);
		(void)rmdir(path);
		_exit(status);
	}
	ok(waitpid(pid, &status, 0) == pid && status == 0,
	    "a closed FIFO is no message, a closed file may be one");
}

static bool
collect(void *ctx, const char *id)
{
	(void)id;
	return --*(int *)ctx > 0;
}

static void
test_wait(void)
{
	static const struct {
		int64_t due, now;
		const char *bucket;
		bool everything, taken;
		const char *name;
	} cases[] = {
		{ .due = 1000020, .now = 1000079, .bucket = "1000020", .taken = true,
		    .name = "due a minute ago" },
		{ .due = 1000021, .now = 1000020, .bucket = "1000021", .name = "due in a second" },
		{ .due = 1000021, .now = 1000021, .bucket = "1000021", .taken = true,
		    .name = "due just now" },
		{ .due = 1000080, .now = 1000000, .bucket = "1000080", .everything = true,
		    .taken = true, .name = "everything is due" },
		{ .due = 1000020 + 30 * DAY_S, .now = 1000020, .bucket = "3592020",
		    .name = "due in thirty days" },
		{ .due = 1000080 + 30 * DAY_S, .now = 1000020, .bucket = "3592080", .taken = true,
		    .name = "due in more than thirty days: a clock was wrong" },
		{ .due = -5, .now = 1000, .bucket = "1", .taken = true, .name = "due long ago" },
		{ .due = INT64_MAX, .now = 1000, .bucket = "9223372036854775807", .taken = true,
		    .name = "due at the end of time" },
	};
	char id[QUEUE_ID_SIZE], path[64];
	struct queue_entry e;
	struct stat st;

	ok(queue_next_due(&f.q) == 0 && queue_take_due(&f.q, 1000, true, NULL, NULL) == 0,
	    "nothing waits");
	must(mkdirat(f.q.wait, "x12", 0700) == 0 && mkdirat(f.q.wait, "-5", 0700) == 0, "mkdirat");
	must(symlinkat("../cur", f.q.wait, "2") == 0, "symlinkat");
	fresh(id);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		must(queue_load(&f.q, id, &e) == 0, "queue_load");
		must(queue_defer(&f.q, &e, cases[i].due) == 0, "queue_defer");
		(void)snprintf(path, sizeof path, "%s/%s", cases[i].bucket, id);
		must(unlinkat(f.q.wait, "2", 0) == 0, "unlinkat");
		ok(e.attempts == i + 1 && fstatat(f.q.wait, path, &st, 0) == 0 &&
			names_in(f.q.cur) == 0,
		    "deferred to %s", path);
		ok(queue_next_due(&f.q) == atoll(cases[i].bucket), "%s is next", cases[i].bucket);
		must(symlinkat("../cur", f.q.wait, "2") == 0, "symlinkat");
		queue_unload(&e);
		ok(queue_take_due(&f.q, cases[i].now, cases[i].everything, NULL, NULL) ==
			cases[i].taken,
		    "%s", cases[i].name);
		if (!cases[i].taken)
			must(queue_take_due(&f.q, cases[i].now, true, NULL, NULL) == 1,
			    "queue_take_due");
		ok(names_in(f.q.wait) == 3 && file_is_whole(f.q.cur, id, content),
		    "the message is back in cur/, its folder is gone");
	}
	must(queue_load(&f.q, id, &e) == 0, "queue_load");
	ok(e.attempts == sizeof cases / sizeof cases[0], "attempts are counted in the file");
	e.attempts = 9999;
	must(queue_defer(&f.q, &e, 60) == 0 && queue_take_due(&f.q, 60, false, NULL, NULL) == 1,
	    "queue_defer");
	queue_unload(&e);
	ok(queue_load(&f.q, id, &e) == 0 && e.attempts == 9999, "attempts are counted up to 9999");
	drop(id);
	ok(queue_defer(&f.q, &e, 12345) == -ENOENT && names_in(f.q.wait) == 3,
	    "a message that is gone leaves no folder in wait/");
	queue_unload(&e);
}

static void
test_many(void)
{
	enum { MANY = 300 };
	char id[QUEUE_ID_SIZE];
	struct queue_entry e;
	int left = MANY + 1, told = MANY + 1, few = 10;

	for (int i = 0; i < MANY; i++)
		must(submit(&f.q, content, SIZE_MAX, id) == 0, "submit");
	ok(queue_take_new(&f.q, collect, &told) == MANY && told == 1,
	    "many messages at once, until the function wants no more");
	ok(queue_each(&f.q, collect, &left) == 0 && left == 1,
	    "the function is called once for each");
	ok(queue_each(&f.q, collect, &few) == 0 && few == 0, "the function ends a walk");
	must(queue_load(&f.q, id, &e) == 0 && queue_defer(&f.q, &e, 600) == 0, "queue_defer");
	queue_unload(&e);
	must(mkdirat(f.q.wait, "600/folder", 0700) == 0, "mkdirat");
	told = 2;
	ok(queue_take_due(&f.q, 600, false, collect, &told) == 1 && told == 1 &&
		names_in(f.q.cur) == MANY && names_in(f.q.wait) == 3,
	    "a file that is no message does not keep its folder in wait/");
}

/* A child holds the lock, as a runner does.  Its worker outlives it for a while. */
static void
test_lock(void)
{
	struct timespec before, after;
	int hello[2], status;
	pid_t runner;
	char octet;

	must(pipe(hello) == 0, "pipe");
	runner = fork();
	if (runner == 0) {
		const pid_t self = getpid();

		if (queue_lock_runner(&f.q) != 0)
			_exit(1);
		if (fork() == 0) {
			(void)!write(hello[1], "x", 1);
			while (getppid() == self)
				(void)usleep(1000);
			(void)usleep(300000);
			_exit(0);
		}
		(void)pause();
		_exit(0);
	}
	runner = runner > 0 ? runner : 0;
	must(runner > 0 && read(hello[0], &octet, 1) == 1, "the octet of the worker");
	ok(queue_lock_runner(&f.q) == -EWOULDBLOCK, "one runner at a time");
	must(clock_gettime(CLOCK_MONOTONIC, &before) == 0, "clock");
	must(kill(runner, SIGKILL) == 0 && waitpid(runner, &status, 0) == runner, "kill");
	ok(queue_lock_runner(&f.q) == 0,
	    "the next runner starts after the last worker of a dead one");
	must(clock_gettime(CLOCK_MONOTONIC, &after) == 0, "clock");
	ok((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >=
		250,
	    "the next runner waits for the worker");
}

int
main(void)
{
	fixture_open(&f);
	test_load();
	test_state();
	test_mark();
	test_notes();
	test_stopped();
	test_duplicates();
	test_take_new();
	test_broken();
	test_wait();
	test_many();
	test_lock();
	fixture_close(&f);
	test_closed();
	return tap_done();
}
