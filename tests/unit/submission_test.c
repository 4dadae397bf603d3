// SPDX-License-Identifier: ISC
/*
 * What role = submission adds to a header, and that it changes nothing else: whole, and cut at every place.
 */
#include "message/submission.h"

#include "tests/lib/tap.h"

#define DATE "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
#define ID   "Message-ID: <ID1@h.example>\r\n"
#define BOTH "Date: x\r\nMessage-ID: y\r\n"

static const struct address {
	const char *name, *in, *want;
} addresses[] = {
	{ "a whole address", " joe@b.example\r\n", " joe@b.example\r\n" },
	{ "a bare one", " joe\r\n", " joe@D\r\n" },
	{ "in angle brackets", " Joe User <joe>\r\n", " Joe User <joe@D>\r\n" },
	{ "in angle brackets, with blanks", " < joe >\r\n", " < joe@D >\r\n" },
	{ "the empty path", " <>\r\n", " <>\r\n" },
	{ "several", " joe, ann@b.example,bob\r\n", " joe@D, ann@b.example,bob@D\r\n" },
	{ "folded", " joe,\r\n\tAnn <ann>,\r\n bob\r\n", " joe@D,\r\n\tAnn <ann@D>,\r\n bob@D\r\n" },
	{ "a comment behind", " joe (Joe, User)\r\n", " joe@D (Joe, User)\r\n" },
	{ "comments in comments", " (a (b) \\) c) joe.user\r\n", " (a (b) \\) c) joe.user@D\r\n" },
	{ "a quoted local part", " \"joe user\"\r\n", " \"joe user\"@D\r\n" },
	{ "a quoted name that looks like two", " \"user, joe\" <joe>\r\n", " \"user, joe\" <joe@D>\r\n" },
	{ "a quoted name that looks like an address", " \"a@b\" <joe>\r\n", " \"a@b\" <joe@D>\r\n" },
	{ "a name without an address", " Joe User\r\n", " Joe User\r\n" },
	{ "an empty group", " undisclosed-recipients:;\r\n", " undisclosed-recipients:;\r\n" },
	{ "a group", " us: joe, ann@b;, bob\r\n", " us: joe@D, ann@b;, bob@D\r\n" },
	{ "a source route", " <@a,@b:joe@c>\r\n", " <@a,@b:joe@c>\r\n" },
	{ "a literal", " joe@[192.0.2.1]\r\n", " joe@[192.0.2.1]\r\n" },
	{ "an encoded name", " =?utf-8?q?J=C3=B6?= <joe>\r\n", " =?utf-8?q?J=C3=B6?= <joe@D>\r\n" },
	{ "UTF-8", " J\303\266 <j\303\266>\r\n", " J\303\266 <j\303\266@D>\r\n" },
	{ "nothing", "\r\n", "\r\n" },
	{ "an unfinished comment", " joe (\r\n", " joe (\r\n" },
	{ "an unfinished string", " joe, \"x\r\n", " joe@D, \"x\r\n" },
	{ "a backslash at the end", " joe (\\", " joe (\\" },
};

static const struct message {
	const char *name, *in, *want;
} messages[] = {
	{ "both are missing", "Subject: x\r\n\r\nbody\r\n", DATE ID "Subject: x\r\n\r\nbody\r\n" },
	{ "both are there", BOTH "\r\nbody\r\n", BOTH "\r\nbody\r\n" },
	{ "in any case", "dATE: x\r\nmessage-id : y\r\n\r\n", "dATE: x\r\nmessage-id : y\r\n\r\n" },
	{ "one is missing", "Date: x\r\n\r\nDate: y\r\n", ID "Date: x\r\n\r\nDate: y\r\n" },
	{ "in the body they do not count", "\r\n" BOTH, DATE ID "\r\n" BOTH },
	{ "nothing at all", "", DATE ID },
	{ "no header section", "hello world\r\n\r\nTo: joe\r\n", DATE ID "hello world\r\n\r\nTo: joe\r\n" },
	{ "no body", BOTH "To: joe\r\n", BOTH "To: joe@h.example\r\n" },
	{ "no final CRLF", BOTH "To: joe", BOTH "To: joe@h.example" },
	{ "all the fields", BOTH "From: a\r\nSender: a\r\nReply-To: a\r\nTo: a\r\nCC: a\r\nbcc: a\r\nSubject: a\r\nResent-To: a\r\n\r\nTo: a\r\n",
	    BOTH "From: a@h.example\r\nSender: a@h.example\r\nReply-To: a@h.example\r\nTo: a@h.example\r\nCC: a@h.example\r\n"
	    "bcc: a@h.example\r\nSubject: a\r\nResent-To: a@h.example\r\n\r\nTo: a\r\n" },
	{ "folded fields", BOTH "To: a,\r\n b\r\nX: y\r\n\tTo: c\r\n\r\n.\r\n", BOTH "To: a@h.example,\r\n b@h.example\r\nX: y\r\n\tTo: c\r\n\r\n.\r\n" },
	{ "nor behind the line of a mailbox file", BOTH "From joe Mon Jan  1\r\nTo: a\r\n\r\nx",
	    BOTH "From joe Mon Jan  1\r\nTo: a\r\n\r\nx" },
	{ "nor behind a blank in front of the first field", " x\r\n" BOTH "To: a\r\n\r\nx",
	    DATE ID " x\r\n" BOTH "To: a\r\n\r\nx" },
	{ "the last field has no colon yet", BOTH "To: a\r\nCc", BOTH "To: a@h.example\r\nCc" },
	{ "behind what is no field nothing is touched", BOTH "no field\r\nTo: a\r\n\r\nx", BOTH "no field\r\nTo: a\r\n\r\nx" },
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
		const struct slice in = slice_str(messages[i].in), want = slice_str(messages[i].want);
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

/* Fields of 80 octets, then an empty line and a body; what comes out is at least as long. */
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
		qualify_addresses(slice_str(addresses[i].in), SL("D"), put, NULL);
		is(buf_slice(&out), slice_str(addresses[i].want), addresses[i].name);
	}
	test_messages();
	ok(long_header(1000, &mended) && mended, "a header of 1,000 lines");
	ok(long_header(5000, &mended) && !mended, "one that is too long is passed on as it is");
	return tap_done();
}
