// SPDX-License-Identifier: ISC
/*
 * The additions of role = submission, and no other change: each row whole, cut in two at every
 * place, and octet by octet.
 */
#include "message/submission.h"

#include "tests/lib/tap.h"

#define DATE "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
#define ID   "Message-ID: <ID1@h.example>\r\n"
#define BOTH "Date: x\r\nMessage-ID: y\r\n"

static const struct address {
	const char *name, *in, *want;
} addresses[] = {
	{ .name = "a whole address", .in = " joe@b.example\r\n", .want = " joe@b.example\r\n" },
	{ .name = "an address without a domain", .in = " joe\r\n", .want = " joe@D\r\n" },
	{ .name = "in angle brackets", .in = " Joe User <joe>\r\n",
	    .want = " Joe User <joe@D>\r\n" },
	{ .name = "in angle brackets, with blanks", .in = " < joe >\r\n",
	    .want = " < joe@D >\r\n" },
	{ .name = "the empty path", .in = " <>\r\n", .want = " <>\r\n" },
	{ .name = "several", .in = " joe, ann@b.example,bob\r\n",
	    .want = " joe@D, ann@b.example,bob@D\r\n" },
	{ .name = "folded", .in = " joe,\r\n\tAnn <ann>,\r\n bob\r\n",
	    .want = " joe@D,\r\n\tAnn <ann@D>,\r\n bob@D\r\n" },
	{ .name = "a comment after an address", .in = " joe (Joe, User)\r\n",
	    .want = " joe@D (Joe, User)\r\n" },
	{ .name = "comments in comments", .in = " (a (b) \\) c) joe.user\r\n",
	    .want = " (a (b) \\) c) joe.user@D\r\n" },
	{ .name = "a quoted local part", .in = " \"joe user\"\r\n", .want = " \"joe user\"@D\r\n" },
	{ .name = "a quoted name that looks like two", .in = " \"user, joe\" <joe>\r\n",
	    .want = " \"user, joe\" <joe@D>\r\n" },
	{ .name = "a quoted name that looks like an address", .in = " \"a@b\" <joe>\r\n",
	    .want = " \"a@b\" <joe@D>\r\n" },
	{ .name = "a name without an address", .in = " Joe User\r\n", .want = " Joe User\r\n" },
	{ .name = "an empty group", .in = " undisclosed-recipients:;\r\n",
	    .want = " undisclosed-recipients:;\r\n" },
	{ .name = "a group", .in = " us: joe, ann@b;, bob\r\n",
	    .want = " us: joe@D, ann@b;, bob@D\r\n" },
	{ .name = "a source route", .in = " <@a,@b:joe@c>\r\n", .want = " <@a,@b:joe@c>\r\n" },
	{ .name = "a literal", .in = " joe@[192.0.2.1]\r\n", .want = " joe@[192.0.2.1]\r\n" },
	{ .name = "an encoded name", .in = " =?utf-8?q?J=C3=B6?= <joe>\r\n",
	    .want = " =?utf-8?q?J=C3=B6?= <joe@D>\r\n" },
	{ .name = "UTF-8", .in = " J\303\266 <j\303\266>\r\n",
	    .want = " J\303\266 <j\303\266@D>\r\n" },
	{ .name = "empty", .in = "\r\n", .want = "\r\n" },
	{ .name = "an unfinished comment", .in = " joe (\r\n", .want = " joe (\r\n" },
	{ .name = "an unfinished string", .in = " joe, \"x\r\n", .want = " joe@D, \"x\r\n" },
	{ .name = "a backslash at the end", .in = " joe (\\", .want = " joe (\\" },
};

static const struct replaced {
	const char *name, *in, *want;
} replaced[] = {
	{ .name = "another one: a bare name", .in = " a (x)\r\n", .want = " <a@D> (x)\r\n" },
	{ .name = "another one: a whole address", .in = " A <a@b>, a@b\r\n",
	    .want = " A <<a@b>>, <a@b>\r\n" },
	{ .name = "another one: one in two", .in = " a, keep, \"k\" <keep@b>,b\r\n",
	    .want = " <a@D>, keep@D, \"k\" <keep@b>,<b@D>\r\n" },
	{ .name = "another one: a quoted local part", .in = " \"a b\"@c\r\n",
	    .want = " <\"a b\"@c>\r\n" },
	{ .name = "another one: a literal", .in = " a@[192.0.2.1]\r\n",
	    .want = " <a@[192.0.2.1]>\r\n" },
	{ .name = "another one: blanks inside", .in = " a @b, a@ b\r\n",
	    .want = " a @b, a@ b\r\n" },
	{ .name = "another one: a comment inside", .in = " a(x)@b\r\n", .want = " a(x)@b\r\n" },
	{ .name = "another one: no domain", .in = " a@, <b@>\r\n", .want = " a@, <b@>\r\n" },
	{ .name = "another one: no local part", .in = " @b\r\n", .want = " @b\r\n" },
	{ .name = "another one: two domains", .in = " a@b@c, a@b c\r\n",
	    .want = " a@b@c, a@b c\r\n" },
	{ .name = "another one: a source route", .in = " <@x:a@b>\r\n", .want = " <@x:a@b>\r\n" },
	{ .name = "another one: words behind the brackets", .in = " <a@b> c@d\r\n",
	    .want = " <<a@b>> c@d\r\n" },
	{ .name = "another one: a group", .in = " us:a@b,c;\r\n", .want = " us:<a@b>,<c@D>;\r\n" },
	{ .name = "another one: an unfinished comment", .in = " a@b (\r\n", .want = " a@b (\r\n" },
};

static const struct message {
	const char *name, *in, *want;
} messages[] = {
	{ .name = "both fields are missing", .in = "Subject: x\r\n\r\nbody\r\n",
	    .want = DATE ID "Subject: x\r\n\r\nbody\r\n" },
	{ .name = "both fields are there", .in = BOTH "\r\nbody\r\n", .want = BOTH "\r\nbody\r\n" },
	{ .name = "both fields in any case", .in = "dATE: x\r\nmessage-id : y\r\n\r\n",
	    .want = "dATE: x\r\nmessage-id : y\r\n\r\n" },
	{ .name = "one field is missing", .in = "Date: x\r\n\r\nDate: y\r\n",
	    .want = ID "Date: x\r\n\r\nDate: y\r\n" },
	{ .name = "fields in the body do not count", .in = "\r\n" BOTH,
	    .want = DATE ID "\r\n" BOTH },
	{ .name = "empty message", .in = "", .want = DATE ID },
	{ .name = "no header section", .in = "hello world\r\n\r\nTo: joe\r\n",
	    .want = DATE ID "hello world\r\n\r\nTo: joe\r\n" },
	{ .name = "no body", .in = BOTH "To: joe\r\n", .want = BOTH "To: joe@h.example\r\n" },
	{ .name = "no final CRLF", .in = BOTH "To: joe", .want = BOTH "To: joe@h.example" },
	{ .name = "all the fields",
	    .in = BOTH "From: a\r\nSender: a\r\nReply-To: a\r\nTo: a\r\nCC: a\r\nbcc: a\r\n"
		"Subject: a\r\nResent-To: a\r\n\r\nTo: a\r\n",
	    .want = BOTH "From: a@h.example\r\nSender: a@h.example\r\nReply-To: a@h.example\r\n"
		"To: a@h.example\r\nCC: a@h.example\r\nSubject: a\r\n"
		"Resent-To: a@h.example\r\n\r\nTo: a\r\n" },
	{ .name = "folded fields", .in = BOTH "To: a,\r\n b\r\nX: y\r\n\tTo: c\r\n\r\n.\r\n",
	    .want = BOTH "To: a@h.example,\r\n b@h.example\r\nX: y\r\n\tTo: c\r\n\r\n.\r\n" },
	{ .name = "after the first line of a mailbox file",
	    .in = BOTH "From joe Mon Jan  1\r\nTo: a\r\n\r\nx",
	    .want = BOTH "From joe Mon Jan  1\r\nTo: a\r\n\r\nx" },
	{ .name = "a blank before the first field", .in = " x\r\n" BOTH "To: a\r\n\r\nx",
	    .want = DATE ID " x\r\n" BOTH "To: a\r\n\r\nx" },
	{ .name = "the last field has no colon yet", .in = BOTH "To: a\r\nCc",
	    .want = BOTH "To: a@h.example\r\nCc" },
	{ .name = "after a line that is no field nothing changes",
	    .in = BOTH "no field\r\nTo: a\r\n\r\nx", .want = BOTH "no field\r\nTo: a\r\n\r\nx" },
};

static char out_space[2 * SUBMISSION_HEADER_MAX + 4096];
static struct buf out;
static struct submission submit;

static void
put(void *ctx, struct slice octets)
{
	(void)ctx;
	buf_add(&out, octets);
}

/* Each address gets brackets, but for that of keep. */
static bool
replace(void *ctx, struct slice address, struct buf *ret)
{
	(void)ctx;
	if (slice_has_iprefix(address, SL("keep")))
		return false;
	buf_chr(ret, '<');
	buf_add(ret, address);
	buf_chr(ret, '>');
	return true;
}

static void
test_replaced(void)
{
	const struct qualify q = { SL("D"), replace, put, NULL };

	for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
		out = (struct buf)BUF(out_space);
		qualify_addresses(&q, slice_str(replaced[i].in));
		is(buf_slice(&out), slice_str(replaced[i].want), replaced[i].name);
	}
}

/* An address that is too long for another one gets its domain all the same. */
static void
test_long(void)
{
	static char in_space[2 * QUALIFY_MAX], want_space[2 * QUALIFY_MAX];
	const struct qualify q = { SL("D"), replace, put, NULL };
	struct buf in = BUF(in_space), want = BUF(want_space);

	for (size_t i = 0; i < QUALIFY_MAX; i++)
		buf_chr(&in, 'a');
	buf_add(&want, buf_slice(&in));
	buf_str(&want, "@D");
	out = (struct buf)BUF(out_space);
	qualify_addresses(&q, buf_slice(&in));
	is(buf_slice(&out), buf_slice(&want), "a very long name");
}

static void
begin(void)
{
	out = (struct buf)BUF(out_space);
	submission_begin(&submit, SL("h.example"), SL("ID1"), 0, put, NULL);
}

static void
test_messages(void)
{
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		const struct slice in = slice_str(messages[i].in);
		const struct slice want = slice_str(messages[i].want);
		bool fine = true;

		for (size_t cut = 0; cut <= in.n; cut++) {
			begin();
			submission_content(&submit, slice_of(in.p, cut));
			submission_content(&submit, slice_skip(in, cut));
			submission_end(&submit);
			fine = fine && slice_eq(buf_slice(&out), want);
		}
		begin();
		for (size_t at = 0; at < in.n; at++)
			submission_content(&submit, slice_of(in.p + at, 1));
		submission_end(&submit);
		is(buf_slice(&out), want, messages[i].name);
		ok(fine, "%s, cut anywhere", messages[i].name);
	}
}

/* Fields of 80 octets, then an empty line and a body.  The output is at least as long. */
static bool
long_header(size_t lines, bool *ret_mended)
{
	static char in_space[2 * SUBMISSION_HEADER_MAX];
	struct buf in = BUF(in_space);
	struct slice rest;

	buf_str(&in, "To: joe\r\n");
	for (size_t i = 0; i < lines; i++)
		buf_fmt(&in, "X-Filler: %070zu\r\n", i);
	buf_str(&in, "\r\nbody\r\n");
	begin();
	for (rest = buf_slice(&in); rest.n; rest = slice_skip(rest, 1000))
		submission_content(&submit, slice_of(rest.p, rest.n < 1000 ? rest.n : 1000));
	submission_end(&submit);
	*ret_mended = out.n > in.n;
	return !out.full && (*ret_mended || slice_eq(buf_slice(&out), buf_slice(&in)));
}

int
main(void)
{
	bool mended;

	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		out = (struct buf)BUF(out_space);
		qualify_addresses(&(struct qualify){ .domain = SL("D"), .put = put },
		    slice_str(addresses[i].in));
		is(buf_slice(&out), slice_str(addresses[i].want), addresses[i].name);
	}
	test_replaced();
	test_long();
	test_messages();
	ok(long_header(1000, &mended) && mended, "a header of 1,000 lines");
	ok(long_header(5000, &mended) && !mended, "a header section that is too long is unchanged");
	return tap_done();
}
