// SPDX-License-Identifier: ISC
/* Fields of the envelope whose values are known after the content. */
#include "tests/unit/queue_fixture.h"

static struct fixture f;

static const struct {
	const char *name;
	size_t rcpts, content, room;
	const char *late[3];		/* values of the fields "late" */
} cases[] = {
	{ .name = "no space, no field", .rcpts = 1, .content = 100 },
	{ .name = "space, but no field", .rcpts = 1, .content = 100, .room = 100 },
	{ .name = "a field while all is in memory", .rcpts = 1, .content = 100, .room = 100,
	    .late = { "x" } },
	{ .name = "a field that fills the space", .rcpts = 1, .content = 100, .room = 16,
	    .late = { "123456789" } },
	{ .name = "two fields", .rcpts = 1, .content = 100, .room = 1000,
	    .late = { "one", "two" } },
	{ .name = "a field after the envelope went to the disk", .rcpts = 1, .content = 200000,
	    .room = 100, .late = { "x" } },
	{ .name = "two fields after the envelope went to the disk", .rcpts = 1, .content = 200001,
	    .room = 4096, .late = { "one", "two" } },
	{ .name = "a field that fills the space after the envelope went to the disk", .rcpts = 1,
	    .content = 200002, .room = 16, .late = { "123456789" } },
	{ .name = "a huge envelope, a small message", .rcpts = 3000, .content = 100, .room = 4096,
	    .late = { "x" } },
	{ .name = "a huge envelope, a large message", .rcpts = 3001, .content = 200003, .room = 77,
	    .late = { "x", "y", "z" } },
	{ .name = "an empty message", .rcpts = 1, .content = 0, .room = 77, .late = { "x" } },
};

static struct queue_message message;

static int
write_case(size_t i, struct slice content)
{
	const struct queue_facts facts = { .longest_line = 1 };
	struct queue_message *m = &message;
	int r;

	queue_begin(m);
	queue_from(m, SL("sender@example.org"), SL(""));
	for (size_t k = 0; k < cases[i].rcpts; k++)
		queue_rcpt(&f.q, m, SL("recipient@example.org"), SL("NOTIFY=NEVER"));
	r = queue_head_end(&f.q, m, cases[i].room);
	if (r == 0)
		r = queue_content(m, content);
	for (size_t k = 0; k < 3 && cases[i].late[k]; k++)
		if (r == 0)
			r = queue_late_field(m, "late", slice_str(cases[i].late[k]));
	return r == 0 ? queue_commit(&f.q, m, &facts) : r;
}

static bool
has_fields(size_t i, struct slice head)
{
	char want[100] = "", space[100];
	struct buf b = BUF(space);

	for (size_t k = 0; k < 3 && cases[i].late[k]; k++)
		(void)snprintf(want + strlen(want), sizeof want - strlen(want), "late: %s\n",
		    cases[i].late[k]);
	for (struct slice rest = head, line; rest.n;) {
		line = slice_cut(rest, '\n', &rest);
		if (slice_has_prefix(line, SL("late: "))) {
			buf_add(&b, line);
			buf_chr(&b, '\n');
		}
	}
	return slice_eq(buf_slice(&b), slice_str(want));
}

static void
try_case(size_t i)
{
	char *p = pattern(cases[i].content);
	const struct slice content = slice_of(p, cases[i].content);
	char *back = malloc(content.n + 1);
	struct queue_entry e = { .fd = -1 };

	ok(write_case(i, content) == 0, "%s", cases[i].name);
	/* Only recovery checks the sum. */
	must(renameat(f.q.fresh, message.id, f.q.tmp, message.id) == 0, "renameat");
	ok(queue_recover_all(&f.q) == 1, "%s: the sum is right", cases[i].name);
	must(renameat(f.q.fresh, message.id, f.q.cur, message.id) == 0, "renameat");
	ok(queue_load(&f.q, message.id, &e) == 0 && e.nrcpts == cases[i].rcpts &&
		has_fields(i, slice_of(e.head, (size_t)e.content_at)),
	    "%s: the fields are there", cases[i].name);
	ok(e.content_size == content.n &&
		queue_read(&e, 0, back, content.n + 1) == (ssize_t)content.n &&
		memcmp(back, p, content.n) == 0,
	    "%s: the content is there", cases[i].name);
	queue_unload(&e);
	must(queue_finish(&f.q, message.id) == 0, "queue_finish");
	free(back);
	free(p);
}

static void
test_limits(void)
{
	struct queue_message *m = &message;
	static const size_t bad[] = { 1, QUEUE_PAD_MIN - 1, QUEUE_LATE_MAX + 1 };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		queue_begin(m);
		queue_from(m, SL("sender@example.org"), SL(""));
		queue_rcpt(&f.q, m, SL("a@example.org"), SL(""));
		ok(queue_head_end(&f.q, m, bad[i]) == -EINVAL, "space of %zu octets", bad[i]);
		queue_abort(&f.q, m);
	}
	queue_begin(m);
	queue_from(m, SL("sender@example.org"), SL(""));
	queue_rcpt(&f.q, m, SL("a@example.org"), SL(""));
	ok(queue_head_end(&f.q, m, 16) == 0, "the smallest space");
	ok(queue_late_field(m, "late", SL("1234567890")) == -ENOSPC, "a field one octet too long");
	ok(queue_late_field(m, "late", SL("12345678")) == -ENOSPC,
	    "a field that leaves too little for a pad");
	ok(queue_late_field(m, "late", SL("1\n3456789")) == 0 &&
		memmem(m->late_space, 16, "1?3", 3),
	    "a field that fits; its control characters are replaced");
	queue_abort(&f.q, m);
}

int
main(void)
{
	fixture_open(&f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		try_case(i);
	test_limits();
	ok(names_in(f.q.tmp) == 0, "nothing is left in tmp/");
	fixture_close(&f);
	return tap_done();
}
