// SPDX-License-Identifier: ISC
/*
 * The end of a broken header section: each row whole, cut in two at every place, and octet by
 * octet.
 */
#include "message/mend.h"

#include "tests/lib/tap.h"

#define MBOX "From joe Mon Jan  1 00:00:00 2024\r\n"

static const struct message {
	const char *name, *in, *want;
} messages[] = {
	{ .name = "a good message does not change", .in = "A: b\r\n c\r\nD:\r\n\r\n e: f\r\ng\r\n",
	    .want = "A: b\r\n c\r\nD:\r\n\r\n e: f\r\ng\r\n" },
	{ .name = "empty", .in = "", .want = "" },
	{ .name = "only fields", .in = "A: b\r\n", .want = "A: b\r\n" },
	{ .name = "only a body", .in = "\r\nhello\r\n", .want = "\r\nhello\r\n" },
	{ .name = "a blank before the first line",
	    .in = " by trusted.example with ESMTPS id FAKE;\r\n\tMon\r\nA: b\r\n\r\nc\r\n",
	    .want = "\r\n by trusted.example with ESMTPS id FAKE;\r\n\tMon\r\nA: b\r\n\r\nc\r\n" },
	{ .name = "a tab before the first line", .in = "\t(x)\r\n\r\n",
	    .want = "\r\n\t(x)\r\n\r\n" },
	{ .name = "a first line of one blank", .in = " \r\nA: b\r\n", .want = "\r\n \r\nA: b\r\n" },
	{ .name = "text without a field", .in = "hello world\r\nbye: now\r\n",
	    .want = "\r\nhello world\r\nbye: now\r\n" },
	{ .name = "one word", .in = "hello", .want = "\r\nhello" },
	{ .name = "one word and a line end", .in = "hello\r\n", .want = "\r\nhello\r\n" },
	{ .name = "UTF-8 in a name", .in = "S\303\274: x\r\n", .want = "\r\nS\303\274: x\r\n" },
	{ .name = "a colon without a name", .in = ": x\r\n", .want = "\r\n: x\r\n" },
	{ .name = "a line after fields that is no field", .in = "A: b\r\nhello you\r\nC: d\r\n",
	    .want = "A: b\r\n\r\nhello you\r\nC: d\r\n" },
	{ .name = "blanks before the colon are allowed", .in = "A : b\r\nC\t : d\r\n\r\n",
	    .want = "A : b\r\nC\t : d\r\n\r\n" },
	{ .name = "two words before the colon", .in = "A b: c\r\n", .want = "\r\nA b: c\r\n" },
	{ .name = "the first line of a mailbox file", .in = MBOX "A: b\r\n\r\nc\r\n",
	    .want = "X-Mailbox-Line: " MBOX "A: b\r\n\r\nc\r\n" },
	{ .name = "two mailbox lines, one quoted", .in = MBOX ">" MBOX "A: b\r\n",
	    .want = "X-Mailbox-Line: " MBOX "X-Mailbox-Line: >" MBOX "A: b\r\n" },
	{ .name = "a mailbox line alone", .in = "From joe", .want = "X-Mailbox-Line: From joe" },
	{ .name = "a mailbox line and text", .in = MBOX "hello\r\n",
	    .want = "X-Mailbox-Line: " MBOX "\r\nhello\r\n" },
	{ .name = "a mailbox line that goes on", .in = MBOX " x\r\nA: b\r\n",
	    .want = "X-Mailbox-Line: " MBOX "\r\n x\r\nA: b\r\n" },
	{ .name = "a mailbox line with a colon", .in = "From joe: x\r\nA: b\r\n",
	    .want = "X-Mailbox-Line: From joe: x\r\nA: b\r\n" },
	{ .name = "From with a colon is a field", .in = "From : joe\r\n\r\n",
	    .want = "From : joe\r\n\r\n" },
	{ .name = "a mailbox line after a field is text", .in = "A: b\r\n" MBOX "C: d\r\n",
	    .want = "A: b\r\n\r\n" MBOX "C: d\r\n" },
	{ .name = "V11 LF alone ends a line", .in = "A: b\n\nhello\n",
	    .want = "A: b\r\n\r\nhello\n" },
	{ .name = "V11 LF alone, and no empty line", .in = "A: b\nhello\n",
	    .want = "A: b\r\n\r\nhello\n" },
	{ .name = "V11 LF alone in a field of many lines", .in = "A:\n b\r\n\tc\nD: e\n",
	    .want = "A:\r\n b\r\n\tc\r\nD: e\r\n" },
	{ .name = "CR alone is no empty line", .in = "A: b\r\n\rby x\r\n",
	    .want = "A: b\r\n\r\n\rby x\r\n" },
	{ .name = "a first octet of CR", .in = "\r\tby x\r\n", .want = "\r\n\r\tby x\r\n" },
	{ .name = "CR alone", .in = "\r", .want = "\r\n\r" },
	{ .name = "V11 a CR in a field ends it", .in = "A: b\rC: d\r\n\r\ne\rf",
	    .want = "A: b\r\nC: d\r\n\r\ne\rf" },
	{ .name = "V11 a CR, and text that is no field", .in = "A: b\rc d\r\ne: f\r\n",
	    .want = "A: b\r\n\r\nc d\r\ne: f\r\n" },
	{ .name = "V11 a CR, and the field goes on", .in = "A:\r b\r\tc\r\n\r\n",
	    .want = "A:\r\n b\r\n\tc\r\n\r\n" },
	{ .name = "V11 two CR end the header section", .in = "A: b\r\rC: d\r\n",
	    .want = "A: b\r\n\r\n\rC: d\r\n" },
	{ .name = "V11 CR CR LF behind a field", .in = "A: b\r\r\nC: d\r\n",
	    .want = "A: b\r\n\r\nC: d\r\n" },
	{ .name = "V11 a CR at the end", .in = "A: b\r", .want = "A: b\r\n" },
	{ .name = "V11 a CR in a mailbox line", .in = "From joe\rA: b\r\n\r\n",
	    .want = "X-Mailbox-Line: From joe\r\nA: b\r\n\r\n" },
	{ .name = "a CR in a name", .in = "A: b\r\nC\rD: e\r\n",
	    .want = "A: b\r\n\r\nC\rD: e\r\n" },
	{ .name = "CR CR LF", .in = "\r\r\nx", .want = "\r\n\r\r\nx" },
};

static char out_space[16384];
static struct buf out;
static struct mend mend;

static void
put(void *ctx, struct slice octets)
{
	(void)ctx;
	buf_add(&out, octets);
}

/* Feed one piece of `cut` octets, then pieces of `step` octets. */
static void
run(struct slice in, size_t cut, size_t step)
{
	out = (struct buf)BUF(out_space);
	mend_begin(&mend, put, NULL);
	mend_content(&mend, slice_of(in.p, cut));
	for (struct slice rest = slice_skip(in, cut); rest.n; rest = slice_skip(rest, step))
		mend_content(&mend, slice_of(rest.p, rest.n < step ? rest.n : step));
	mend_end(&mend);
}

/* The text keeps its NUL. */
static void
test_nul(void)
{
	static const struct slice in = S("A: b\0c\0\r\n\0d\r\n");
	static const struct slice in_text = S("A:\0\r\n\r\n\0\r\n");
	static const struct slice first = S("From \0\r\nA: b\r\n");

	for (size_t cut = 0; cut <= in.n; cut++) {
		run(in, cut, 1);
		is(buf_slice(&out), SL("A: b c \r\n\r\n\0d\r\n"), "V11 a NUL in a field, cut");
	}
	run(in_text, 0, 100);
	is(buf_slice(&out), SL("A: \r\n\r\n\0\r\n"), "V11 a NUL in the text");
	run(first, 0, 100);
	is(buf_slice(&out), SL("X-Mailbox-Line: From  \r\nA: b\r\n"),
	    "V11 a NUL in a mailbox line");
}

static void
name_of_length(size_t n, bool is_field)
{
	static char space[4096], want_space[4096];
	struct buf in = BUF(space), want = BUF(want_space);

	for (size_t i = 0; i + 1 < n; i++)
		buf_chr(&in, 'x');
	buf_str(&in, ": y\r\n");
	if (!is_field)
		buf_str(&want, "\r\n");
	buf_add(&want, buf_slice(&in));
	run(buf_slice(&in), 0, 100);
	ok(slice_eq(buf_slice(&out), buf_slice(&want)), "a name and its colon of %zu octets", n);
}

/* The last line of a header section that is too long is whole. */
static void
test_long_header(const char *name, const char *line, bool as_mailbox)
{
	static char in_space[2 * MEND_HEADER_MAX], long_out[4 * MEND_HEADER_MAX];
	struct buf in = BUF(in_space);
	const char *end;

	while (in.n + 100 < in.cap)
		buf_str(&in, line);
	out = (struct buf)BUF(long_out);
	mend_begin(&mend, put, NULL);
	for (struct slice rest = buf_slice(&in); rest.n; rest = slice_skip(rest, 16384))
		mend_content(&mend, slice_of(rest.p, rest.n < 16384 ? rest.n : 16384));
	mend_end(&mend);
	end = memmem(out.p, out.n, "\r\n\r\n", 4);
	ok(end && (as_mailbox || (size_t)(end - out.p) >= MEND_HEADER_MAX / 30), "%s ends", name);
	ok(end && out.n - (size_t)(end - out.p) > MEND_HEADER_MAX / 2,
	    "and all of the text is there");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		const struct slice in = slice_str(messages[i].in);
		const struct slice want = slice_str(messages[i].want);
		bool fine = true;

		for (size_t cut = 0; cut <= in.n; cut++) {
			run(in, cut, in.n + 1);
			fine = fine && slice_eq(buf_slice(&out), want);
		}
		run(in, 0, 1);
		is(buf_slice(&out), want, messages[i].name);
		ok(fine, "%s, cut anywhere", messages[i].name);
	}
	test_nul();
	name_of_length(MEND_NAME_MAX - 1, true);
	name_of_length(MEND_NAME_MAX, true);
	name_of_length(MEND_NAME_MAX + 1, false);
	test_long_header("V11 a header section of short fields", "a:\r\n", false);
	test_long_header("a field of many lines", "A: b\r\n x\r\n", false);
	test_long_header("a series of mailbox lines", MBOX, true);
	return tap_done();
}
