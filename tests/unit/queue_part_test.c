// SPDX-License-Identifier: ISC
/* queue/read.c: some recipients of a message are loaded, and the lines of others are not read. */
#include "tests/unit/queue_fixture.h"

#define DOMAINS 5000
#define COPIES	4		/* recipients of each domain */
#define LONG	5000		/* octets of parameters, more than a block */

ssize_t __real_pread(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at);

static struct fixture f;
static struct queue_message message;
static size_t octets_read;

ssize_t
__wrap_pread(int fd, void *to, size_t n, off_t at)
{
	const ssize_t got = __real_pread(fd, to, n, at);

	octets_read += got > 0 ? (size_t)got : 0;
	return got;
}

static void
begin(void)
{
	queue_begin(&message);
	queue_from(&message, SL("a@b.example"), SL(""));
}

static void
add(const char *path, const char *params)
{
	queue_rcpt(&f.q, &message, slice_str(path), slice_str(params));
}

/* The message is in cur/ then.  *ret has all its recipients. */
static void
finish(struct queue_entry *ret)
{
	const struct queue_facts facts = { 0 };

	must(queue_head_end(&f.q, &message, 0) == 0 &&
	    queue_content(&message, SL("Subject: x\r\n\r\n")) == 0 &&
	    queue_commit(&f.q, &message, &facts) == 0 &&
	    queue_take_new(&f.q, NULL, NULL) == 1 && queue_load(&f.q, message.id, ret) == 0,
	    "finish");
}

static void
drop(struct queue_entry *all)
{
	must(queue_finish(&f.q, all->id) == 0, "queue_finish");
	queue_unload(all);
}

static int
load(const struct queue_entry *all, struct queue_lines lines, const uint32_t *at, size_t n,
    struct queue_entry *ret)
{
	const struct queue_part part = { lines, at, n };

	*ret = (struct queue_entry){ .fd = -1 };
	octets_read = 0;
	return queue_load_open(queue_open_message(&f.q, all->id), all->id, &part, ret);
}

/* The offsets of recipients 1, 1 + DOMAINS and so on. */
static void
places(const struct queue_entry *all, uint32_t at[COPIES])
{
	for (size_t i = 0; i < COPIES; i++)
		at[i] = (uint32_t)all->rcpts[1 + i * DOMAINS].at;
}

static void
fill(struct queue_entry *ret)
{
	char path[64];

	begin();
	for (int i = 0; i < DOMAINS * COPIES; i++) {
		(void)snprintf(path, sizeof path, "user%d@d%d.example", i, i % DOMAINS);
		add(path, i == 1 ? "NOTIFY=NEVER" : "");
	}
	queue_field(&message, "junk", SL("yes"));
	finish(ret);
}

static void
test_many(const struct queue_entry *all)
{
	const int fds = open_descriptors();
	struct queue_entry e;
	uint32_t at[COPIES];

	places(all, at);
	ok(all->lines.from < all->lines.to && !all->others && all->nrcpts == DOMAINS * COPIES,
	    "the lines of all recipients are known");
	ok(load(all, all->lines, at, COPIES, &e) == 0 && e.nrcpts == COPIES && e.others,
	    "those of one domain are loaded, and no others");
	ok(octets_read < (COPIES + 4) * 4096 && all->content_at > 20 * octets_read,
	    "what is read depends on their number");
	is(e.rcpts[0].path, SL("user1@d1.example"), "the first");
	is(e.rcpts[0].params, SL("NOTIFY=NEVER"), "its parameters");
	is(e.rcpts[3].path, SL("user15001@d1.example"), "the last");
	is(e.rcpts[3].domain, SL("d1.example"), "its domain");
	is(e.from, SL("a@b.example"), "a field in front of the recipients");
	is(e.junk, SL("yes"), "a field behind them");
	ok(e.content_at == all->content_at && e.content_size == all->content_size &&
	    e.arrived_us == all->arrived_us && queue_entry_valid(&e), "the rest");
	must(queue_mark(&e, 3, QUEUE_FAILED) == 0, "queue_mark");
	queue_unload(&e);
	ok(load(all, all->lines, at + 3, 1, &e) == 0 && e.rcpts[0].state == QUEUE_FAILED,
	    "a mark is in the file");
	queue_unload(&e);
	ok(load(all, (struct queue_lines){ 0 }, at, COPIES, &e) == 0 && !e.others &&
	    e.nrcpts == all->nrcpts && e.rcpts[3].at == (off_t)at[3] &&
	    e.rcpts[COPIES].at != (off_t)at[0],
	    "without lines all are loaded, and these come first");
	queue_unload(&e);
	ok(open_descriptors() == fds, "no descriptor is left");
}

/* A process that a message has taken over may name any octets. */
static void
test_lies(const struct queue_entry *all)
{
	const int fds = open_descriptors();
	const struct queue_lines l = all->lines;
	const uint32_t first = l.from, second = (uint32_t)all->rcpts[1].at;
	const uint32_t junk = l.to, from = (uint32_t)(all->from.p - all->head) - 7;
	const uint32_t end = (uint32_t)all->content_at;
	const struct {
		const char *name;
		struct queue_lines lines;
		uint32_t at[2];
		size_t n;
	} cases[] = {
		{ "the middle of a line", l, { first + 1 }, 1 },
		{ "the end of a line", l, { second - 1 }, 1 },
		{ "one recipient twice", l, { second, second }, 2 },
		{ "in the wrong order", l, { second, first }, 2 },
		{ "none", l, { 0 }, 0 },
		{ "a field in front of the lines", l, { from }, 1 },
		{ "a field behind the lines", l, { junk }, 1 },
		{ "a field that the lines include", { l.from, end - 1 }, { junk }, 1 },
		{ "an octet of the content", { l.from, end }, { end }, 1 },
		{ "no octet of the file", l, { UINT32_MAX }, 1 },
		{ "lines that begin too early", { from, l.to }, { second }, 1 },
		{ "lines that begin in the fixed lines", { 1, l.to }, { second }, 1 },
		{ "lines that begin too late", { second, l.to }, { second }, 1 },
		{ "lines that begin in a line", { l.from + 1, l.to }, { second }, 1 },
		{ "lines that end too early", { l.from, (uint32_t)all->rcpts[9].at },
		    { second }, 1 },
		{ "lines that end in a line", { l.from, l.to - 1 }, { second }, 1 },
		{ "lines that end too late", { l.from, end }, { second }, 1 },
		{ "lines that end behind the file", { l.from, UINT32_MAX }, { second }, 1 },
		{ "a recipient in front, and a field", { second, end - 1 }, { junk }, 1 },
	};
	struct queue_entry e;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(load(all, cases[i].lines, cases[i].at, cases[i].n, &e) == -EBADMSG, "%s",
		    cases[i].name);
	ok(open_descriptors() == fds, "no descriptor is left after an error");
}

static void
test_long_line(void)
{
	static char params[LONG + 1];
	struct queue_entry all, e;

	memset(params, 'x', LONG);
	begin();
	add("first@d.example", "");
	add("long@d.example", params);
	add("last@d.example", "");
	finish(&all);
	ok(load(&all, all.lines, (const uint32_t[]){ (uint32_t)all.rcpts[1].at,
	    (uint32_t)all.rcpts[2].at }, 2, &e) == 0 && e.rcpts[0].params.n == LONG &&
	    slice_eq(e.rcpts[1].path, SL("last@d.example")), "a line longer than a block");
	queue_unload(&e);
	drop(&all);
}

static void
test_duplicates(void)
{
	static char params[LONG + 1];
	struct queue_entry all, e;
	uint32_t at[2];

	memset(params, 'x', LONG);
	begin();
	add("a@d.example", params);
	add("b@d.example", "");
	add("a@D.example", "");
	finish(&all);
	at[0] = (uint32_t)all.rcpts[0].at;
	at[1] = (uint32_t)all.rcpts[2].at;
	must(all.rcpts[2].state == QUEUE_DELIVERED && queue_mark(&all, 2, QUEUE_PENDING) == 0,
	    "mark");
	ok(load(&all, all.lines, at, 2, &e) == 0 && e.rcpts[0].state == QUEUE_PENDING &&
	    e.rcpts[1].state == QUEUE_DELIVERED, "a recipient that occurs twice gets one copy");
	queue_unload(&e);
	drop(&all);
}

/* A field between recipients, as behind those that a filter has added. */
static void
test_between(void)
{
	static char params[LONG + 1];
	struct queue_entry all, e;

	memset(params, 'x', LONG);
	begin();
	add("a@d.example", params);
	queue_field(&message, "junk", SL("yes"));
	add("b@d.example", "");
	finish(&all);
	ok(all.lines.from == 0 && all.lines.to == 0, "a field between recipients: no lines");
	ok(load(&all, all.lines, (const uint32_t[]){ (uint32_t)all.rcpts[1].at }, 1, &e) == 0 &&
	    slice_eq(e.rcpts[0].path, SL("b@d.example")) && slice_eq(e.junk, SL("yes")) &&
	    e.nrcpts == 2, "the whole envelope is read");
	queue_unload(&e);
	drop(&all);
}

static void
test_short(void)
{
	struct queue_entry all, e;

	begin();
	add("a@d.example", "");
	add("b@d.example", "");
	finish(&all);
	ok(load(&all, all.lines, (const uint32_t[]){ (uint32_t)all.rcpts[1].at }, 1, &e) == 0 &&
	    slice_eq(e.rcpts[0].path, SL("b@d.example")) && e.nrcpts == 2,
	    "a short envelope is loaded as a whole");
	queue_unload(&e);
	ok(load(&all, all.lines, (const uint32_t[]){ (uint32_t)all.rcpts[1].at + 1 }, 1, &e) ==
	    -EBADMSG, "a short envelope without such a recipient");
	drop(&all);
}

int
main(void)
{
	struct queue_entry many;

	fixture_open(&f);
	fill(&many);
	test_many(&many);
	test_lies(&many);
	drop(&many);
	test_long_line();
	test_duplicates();
	test_between();
	test_short();
	fixture_close(&f);
	return tap_done();
}
