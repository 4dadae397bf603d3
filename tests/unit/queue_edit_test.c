// SPDX-License-Identifier: ISC
/*
 * A message that is edited before it is durable: in the room of its envelope, or in a second file.
 * The sum is right, nothing of the former message is left, and a kill leaves nothing half.
 */
#include <sys/wait.h>

#include "tests/unit/queue_fixture.h"
#include "tests/unit/queue_faults.h"

#define HEADER "Received: x\r\nSubject: old\r\n"
#define ADDED  "added@example.org"
/* The room beside the line of the added recipient. */
#define ROOM   (QUEUE_SPARE - (sizeof "P <" ADDED ">\n" - 1))

static struct fixture f;
static struct queue_message message, former;
static char spaces[70000];

static const struct row {
	const char *name;
	size_t rcpts;
	size_t content;		/* octets behind the header section */
	size_t room;		/* for late fields */
	size_t longer;		/* octets that the new header section has more */
	bool shorter;		/* the header section goes */
	bool from, drop, late;
	bool kept;		/* the file stays */
} rows[] = {
	{ .name = "all in the buffer", .rcpts = 1, .content = 100, .longer = 50 },
	{ .name = "a large message", .rcpts = 1, .content = 200000, .longer = 50, .kept = true },
	{ .name = "the last octets are still in the buffer", .rcpts = 1, .content = 70001,
	    .longer = 51, .kept = true },
	{ .name = "another sender and a recipient less", .rcpts = 3, .content = 200001,
	    .longer = 3, .from = true, .drop = true, .kept = true },
	{ .name = "a shorter header section", .rcpts = 1, .content = 200002, .shorter = true,
	    .kept = true },
	{ .name = "all the room", .rcpts = 1, .content = 200003, .longer = ROOM,
	    .kept = true },
	{ .name = "all the room but for the smallest pad", .rcpts = 1, .content = 200003,
	    .longer = ROOM - QUEUE_PAD_MIN, .kept = true },
	{ .name = "too little is left for a pad", .rcpts = 1, .content = 200003,
	    .longer = ROOM - QUEUE_PAD_MIN + 1 },
	{ .name = "an octet more than the room", .rcpts = 1, .content = 200003,
	    .longer = ROOM + 1 },
	{ .name = "more than the buffer", .rcpts = 1, .content = 200003, .longer = 69000 },
	{ .name = "an envelope larger than the buffer", .rcpts = 3000, .content = 200003,
	    .longer = 10, .drop = true },
	{ .name = "with room for late fields", .rcpts = 1, .content = 200004, .room = 100,
	    .longer = 70, .kept = true },
	{ .name = "with a late field", .rcpts = 1, .content = 200005, .room = 4096, .late = true,
	    .longer = 70, .kept = true },
	{ .name = "a late field, all in the buffer", .rcpts = 1, .content = 10, .room = 4096,
	    .late = true, .longer = 70 },
};

static bool
is_second(void *ctx, struct slice path)
{
	const struct row *row = ctx;

	return row->drop && slice_eq(path, SL("r1@example.org"));
}

static struct slice
new_header(const struct row *row)
{
	static char text[sizeof spaces + 100];
	struct buf b = BUF(text);

	if (row->shorter)
		return SL("");
	buf_str(&b, "Received: x\r\nX: ");
	buf_add(&b, slice_of(spaces, row->longer + sizeof "Subject: old" - sizeof "X: "));
	buf_str(&b, "\r\n");
	return buf_slice(&b);
}

/* Receive a message, with room for edits. */
static int
receive_first(const struct row *row, struct slice body)
{
	struct queue_message *m = &message;
	int r;

	queue_begin(m);
	queue_keep_editable(m);
	queue_from(m, SL("sender@example.org"), SL("SIZE=100"));
	for (size_t i = 0; i < row->rcpts; i++) {
		char name[40];

		(void)snprintf(name, sizeof name, "r%zu@example.org", i);
		queue_rcpt(&f.q, m, slice_str(name), SL("NOTIFY=NEVER"));
	}
	r = queue_head_end(&f.q, m, row->room);
	if (r == 0)
		r = queue_content(m, SL(HEADER));
	for (size_t n; r == 0 && body.n; body = slice_skip(body, n)) {
		n = body.n < 9999 ? body.n : 9999;
		r = queue_content(m, slice_of(body.p, n));
	}
	if (r == 0 && row->late)
		r = queue_late_field(m, "late", SL("field"));
	return r;
}

/* Edit it.  *ret_kept: in the file that it has. */
static int
edit(const struct row *row, struct slice body, bool *ret_kept)
{
	static const struct slice from = S("changed@example.org");
	struct queue_message *m = &message;
	const struct slice header = new_header(row);
	int r = queue_again(&f.q, m, &former, row->from ? &from : NULL, is_second, (void *)row);

	queue_rcpt(&f.q, m, SL(ADDED), SL(""));
	if (r == 0)
		r = queue_keep_body(m, &former, header, former.envelope + sizeof HEADER - 1);
	*ret_kept = r == 0;
	if (r == -ENOSPC && m->error == 0) {
		r = queue_head_end(&f.q, m, row->room);
		if (r == 0)
			r = queue_content(m, header);
		if (r == 0)
			r = queue_content(m, body);
	}
	queue_forget(&former);
	return r;
}

static int
commit(const struct row *row, struct slice body, bool *ret_kept)
{
	const struct queue_facts facts = { .longest_line = 1 };
	int r = receive_first(row, body);

	if (r == 0)
		r = edit(row, body, ret_kept);
	if (r == 0)
		return queue_commit(&f.q, &message, &facts);
	queue_abort(&f.q, &message);
	return r;
}

/* Is the message in that folder as its edits want it? */
static bool
is_edited(const struct row *row, const char *id, struct slice body)
{
	struct queue_entry e = { .fd = -1 };
	const struct slice header = new_header(row);
	const size_t n = header.n + body.n;
	char *text = malloc(n + 1);
	bool good, late;

	must(text != NULL, "malloc");
	good = queue_load(&f.q, id, &e) == 0;
	late = good && memmem(e.head, (size_t)e.content_at, "\nlate: field\n", 13) != NULL;
	good = good && late == row->late && e.nrcpts == row->rcpts + 1 - row->drop &&
	    slice_eq(e.rcpts[e.nrcpts - 1].path, SL(ADDED)) &&
	    slice_eq(e.from, row->from ? SL("changed@example.org") : SL("sender@example.org")) &&
	    e.content_size == n && queue_read(&e, 0, text, n + 1) == (ssize_t)n &&
	    memcmp(text, header.p, header.n) == 0 && memcmp(text + header.n, body.p, body.n) == 0;
	for (size_t i = 0; good && row->drop && i < e.nrcpts; i++)
		good = !slice_eq(e.rcpts[i].path, SL("r1@example.org"));
	queue_unload(&e);
	free(text);
	return good;
}

static void
try_row(const struct row *row)
{
	char *p = pattern(row->content);
	const struct slice body = slice_of(p, row->content);
	bool kept = false;

	ok(commit(row, body, &kept) == 0 && kept == row->kept, "%s: %s", row->name,
	    row->kept ? "the file stays" : "a second file");
	/* Only recovery checks the sum. */
	must(renameat(f.q.fresh, message.id, f.q.tmp, message.id) == 0, "renameat");
	ok(queue_recover_all(&f.q) == 1, "%s: the sum is right", row->name);
	must(renameat(f.q.fresh, message.id, f.q.cur, message.id) == 0, "renameat");
	ok(is_edited(row, message.id, body), "%s: the message is as edited", row->name);
	must(queue_finish(&f.q, message.id) == 0, "queue_finish");
	ok(names_in(f.q.tmp) == 0, "%s: no other file", row->name);
	free(p);
}

/* One write in front of the body, however large that is. */
static void
test_one_write(void)
{
	static const struct row row = { .rcpts = 2, .content = 5000000, .longer = 60 };
	char *p = pattern(row.content);
	bool kept;

	must(receive_first(&row, slice_of(p, row.content)) == 0, "receive");
	faults_arm(0, 0);
	ok(edit(&row, slice_of(p, row.content), &kept) == 0 && kept &&
	    faults.count[CALL_PWRITE] == 1 && faults.seen == 1, "5 MB are edited by one write");
	faults_disarm();
	queue_abort(&f.q, &message);
	ok(names_in(f.q.tmp) == 0, "abort removes it");
	/* All recipients are gone: the caller gives the message up between the two. */
	must(receive_first(&row, slice_of(p, row.content)) == 0 &&
	    queue_again(&f.q, &message, &former, NULL, is_second, (void *)&row) == 0, "again");
	queue_forget(&former);
	queue_abort(&f.q, &message);
	ok(names_in(f.q.tmp) == 0, "abort removes it before it is written again");
	free(p);
}

/* An error at any call is an error of the message, which leaves nothing. */
static void
test_errors(const struct row *row)
{
	char *p = pattern(row->content);
	const struct slice body = slice_of(p, row->content);
	bool kept, clean = true;
	int k, r = -1;

	for (k = 1; r != 0 && k < 100; k++) {
		faults_arm(k, EIO);
		r = commit(row, body, &kept);
		faults_disarm();
		clean &= r == 0 || (names_in(f.q.fresh) == 0 && names_in(f.q.tmp) == 0);
	}
	ok(r == 0 && k > 8 && clean, "%s: an error at %d places leaves nothing", row->name, k - 2);
	must(unlinkat(f.q.fresh, message.id, 0) == 0, "unlinkat");
	free(p);
}

static bool
killed_at(int k, const struct row *row, struct slice body, char ret_id[QUEUE_ID_SIZE])
{
	int told[2], status;
	bool acknowledged, kept;
	pid_t child;

	must(pipe(told) == 0, "pipe");
	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		faults_arm(k, EIO);
		faults.kill = true;
		if (commit(row, body, &kept) == 0)
			(void)!__real_write(told[1], message.id, QUEUE_ID_SIZE);
		_exit(0);
	}
	(void)close(told[1]);
	acknowledged = read(told[0], ret_id, QUEUE_ID_SIZE) == QUEUE_ID_SIZE;
	(void)close(told[0]);
	must(waitpid(child, &status, 0) == child, "waitpid");
	return acknowledged;
}

struct look {
	const struct row *row;
	struct slice body;
	bool edited;
	int n;
};

static int
look_at(void *ctx, const char *name)
{
	struct look *l = ctx;

	must(renameat(f.q.fresh, name, f.q.cur, name) == 0, "renameat");
	l->n++;
	l->edited &= is_edited(l->row, name, l->body);
	must(queue_finish(&f.q, name) == 0, "queue_finish");
	return 0;
}

/* A kill before each call: what recovery brings back is the edited message, or nothing. */
static void
test_kills(const struct row *row)
{
	char *p = pattern(row->content), id[QUEUE_ID_SIZE];
	struct look l = { row, slice_of(p, row->content), true, 0 };
	bool acknowledged = false, clean = true, lost = false;
	int k;

	for (k = 1; !acknowledged && k < 100; k++) {
		acknowledged = killed_at(k, row, l.body, id);
		clean &= queue_recover_all(&f.q) >= 0 && names_in(f.q.tmp) == 0;
		l.n = 0;
		must(queue_names(f.q.fresh, look_at, &l) == 0, "readdir");
		lost |= acknowledged && l.n != 1;
	}
	ok(acknowledged && !lost && k > 8, "%s: killed at %d places, then acknowledged",
	    row->name, k - 2);
	ok(l.edited, "%s: no message without its edits is ever delivered", row->name);
	ok(clean, "%s: nothing is left in tmp/", row->name);
	free(p);
}

/* After a power cut, any page of the file may be the one from before the edit. */
static void
test_old_pages(void)
{
	static const struct row row = { .rcpts = 1, .content = 100000, .longer = 3000 };
	char *p = pattern(row.content), *before, *after, *mixed;
	const struct slice body = slice_of(p, row.content);
	bool kept, rejected = true;
	off_t size;
	size_t n;
	int fd;

	must(receive_first(&row, body) == 0, "receive");
	n = message.written;
	before = calloc(1, 2 * n);
	after = malloc(2 * n);
	mixed = malloc(2 * n);
	must(before && after && mixed, "malloc");
	must(queue_read_back(&message, 0, before, n) == (ssize_t)n, "read");
	must(edit(&row, body, &kept) == 0 && kept &&
	    queue_commit(&f.q, &message, &(struct queue_facts){ .longest_line = 1 }) == 0, "edit");
	fd = queue_file(f.q.fresh, message.id, &size);
	must(fd >= 0 && queue_read_at(fd, after, (size_t)size, 0) == 0 && close(fd) == 0 &&
	    unlinkat(f.q.fresh, message.id, 0) == 0, "read");
	for (size_t block = 512; block <= 4096; block *= 8)
		for (size_t i = 0; i < 16384; i += block) {
			memcpy(mixed, after, (size_t)size);
			memcpy(mixed + i, before + i, block);
			if (memcmp(mixed, after, (size_t)size) == 0)
				continue;
			fd = openat(f.q.tmp, message.id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600);
			must(fd >= 0 && queue_write(fd, slice_of(mixed, (size_t)size)) == 0 &&
			    close(fd) == 0, "write");
			rejected &= queue_recover_all(&f.q) == 0 && names_in(f.q.tmp) == 0;
		}
	ok(rejected, "a sector or page from before the edit: incomplete");
	free(before);
	free(after);
	free(mixed);
	free(p);
}

static bool met;

/* Recovery comes between the making of the second file and its lock. */
static void
recover_first(enum call call)
{
	if (call != CALL_FLOCK)
		return;
	faults_disarm();
	met = queue_recover_all(&f.q) == 0 && names_in(f.q.tmp) == 0;
}

static const struct row anew = { .rcpts = 1, .content = 200000, .longer = ROOM + 1 };
static struct slice anew_body;
static bool made_anew;

/* The writer makes the second file after recovery has opened the first one. */
static void
make_anew(enum call call)
{
	bool kept = true;

	if (call != CALL_FLOCK)
		return;
	faults_disarm();
	made_anew = edit(&anew, anew_body, &kept) == 0 && !kept;
}

/* Recovery takes the first file for the second one, or the second one before it is locked. */
static void
test_recovery(void)
{
	const struct queue_facts facts = { .longest_line = 1 };
	char *p = pattern(anew.content);
	bool kept = true;

	anew_body = slice_of(p, anew.content);
	must(receive_first(&anew, anew_body) == 0, "receive");
	faults_arm(0, 0);
	faults.before = recover_first;
	ok(edit(&anew, anew_body, &kept) == 0 && !kept && met,
	    "recovery removes the second file before it is locked: it is made again");
	faults_disarm();
	ok(queue_commit(&f.q, &message, &facts) == 0 &&
	    unlinkat(f.q.fresh, message.id, 0) == 0, "and accepted");

	must(receive_first(&anew, anew_body) == 0, "receive");
	faults_arm(0, 0);
	faults.before = make_anew;
	ok(queue_recover_all(&f.q) == 0 && made_anew && names_in(f.q.tmp) == 1,
	    "recovery that opened the first file leaves the second one");
	faults_disarm();
	ok(queue_commit(&f.q, &message, &facts) == 0 &&
	    unlinkat(f.q.fresh, message.id, 0) == 0, "and that is accepted, too");
	free(p);
}

int
main(void)
{
	static const struct row in_place = { .name = "in its room", .rcpts = 2, .content = 150000,
		.longer = 99, .from = true, .drop = true },
	    second = { .name = "in a second file", .rcpts = 2, .content = 150000,
		.longer = ROOM + 1 };

	memset(spaces, ' ', sizeof spaces);
	fixture_open(&f);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		try_row(&rows[i]);
	test_one_write();
	test_errors(&in_place);
	test_errors(&second);
	test_kills(&in_place);
	test_kills(&second);
	test_old_pages();
	test_recovery();
	fixture_close(&f);
	return tap_done();
}
