// SPDX-License-Identifier: ISC
/*
 * Replies of the server on the wire, and replies of a peer taken apart.
 */
#include "smtp/reply.h"

#include "tests/lib/tap.h"

#define T10  "0123456789"
#define T100 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10
#define T500 T100 T100 T100 T100 T100

static const struct format {
	const char *name;
	int code;
	struct slice text, want;
} formats[] = {
	{ .name = "H004 one line", .code = 250, .text = S("2.1.0 Ok"),
	    .want = S("250 2.1.0 Ok\r\n") },
	{ .name = "H005 three lines", .code = 250, .text = S("a\nb\nc"),
	    .want = S("250-a\r\n250-b\r\n250 c\r\n") },
	{ .name = "no text", .code = 250, .text = S(""), .want = S("250 \r\n") },
	{ .name = "an empty line in the middle", .code = 214, .text = S("a\n\nb"),
	    .want = S("214-a\r\n214-\r\n214 b\r\n") },
	{ .name = "a newline at the end starts no line", .code = 214, .text = S("a\n"),
	    .want = S("214 a\r\n") },
	{ .name = "H006 506 octets of text", .code = 250, .text = S(T500 "abcdef"),
	    .want = S("250 " T500 "abcdef\r\n") },
	{ .name = "H006 cut to 512 octets", .code = 250, .text = S(T500 "abcdefg"),
	    .want = S("250 " T500 "abcdef\r\n") },
	{ .name = "each line is cut separately", .code = 250, .text = S(T500 T10 "\nx"),
	    .want = S("250-" T500 "012345\r\n250 x\r\n") },
	{ .name = "no half character at the cut", .code = 250, .text = S(T500 "abcde\xc3\xbc"),
	    .want = S("250 " T500 "abcde\r\n") },
	{ .name = "control characters cannot forge a line", .code = 550, .text = S("a\rb\x1b\0c"),
	    .want = S("550 a?b??c\r\n") },
	{ .name = "malformed UTF-8", .code = 550, .text = S("a\xff\xc3z"),
	    .want = S("550 a??z\r\n") },
	{ .name = "tab", .code = 550, .text = S("a\tb"), .want = S("550 a b\r\n") },
};

static const struct peer {
	const char *name;
	struct slice lines[4];		/* up to the first without octets */
	int code;
	bool malformed;
	unsigned taken;			/* number of its lines */
	struct slice text;
	struct slice status;
} peers[] = {
	{ .name = "one line", .lines = { S("250 2.1.0 Ok") }, .code = 250, .taken = 1,
	    .text = S("2.1.0 Ok"), .status = S("2.1.0") },
	{ .name = "three lines", .lines = { S("250-a"), S("250-b"), S("250 c") }, .code = 250,
	    .taken = 3, .text = S("a\nb\nc") },
	{ .name = "R142 no space", .lines = { S("250") }, .code = 250, .taken = 1, .text = S("") },
	{ .name = "R142 no text", .lines = { S("250 ") }, .code = 250, .taken = 1, .text = S("") },
	{ .name = "empty line of two", .lines = { S("250-"), S("250 x") }, .code = 250, .taken = 2,
	    .text = S("\nx") },
	{ .name = "R142 unknown code", .lines = { S("299 odd") }, .code = 299, .taken = 1,
	    .text = S("odd") },
	{ .name = "R142 1yz", .lines = { S("150 x") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "R142 6yz", .lines = { S("600 x") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "R142 garbage", .lines = { S("hello") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "R142 an empty line", .lines = { S("") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "two digits", .lines = { S("25 Ok") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "two digits and the end", .lines = { S("25") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "four digits", .lines = { S("2500 Ok") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "R291 no blank", .lines = { S("250Ok") }, .code = 250, .taken = 1,
	    .text = S("Ok") },
	{ .name = "a sign after the code", .lines = { S("250:Ok") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "R292 code changes within its class", .lines = { S("250-a"), S("259 b") },
	    .code = 259, .taken = 2, .text = S("a\nb") },
	{ .name = "NUL after the code", .lines = { S("250\0x") }, .malformed = true, .taken = 1,
	    .text = S("") },
	{ .name = "R120 code changes", .lines = { S("250-a"), S("550 b") }, .code = 550,
	    .malformed = true, .taken = 2, .text = S("a\nb") },
	{ .name = "garbage in the middle", .lines = { S("250-a"), S("junk") }, .code = 250,
	    .malformed = true, .taken = 2, .text = S("a") },
	{ .name = "control characters", .lines = { S("550 a\x1b[31m\xff") }, .code = 550,
	    .taken = 1, .text = S("a?[31m?") },
	{ .name = "UTF-8 is kept", .lines = { S("550 \xc3\xbc") }, .code = 550, .taken = 1,
	    .text = S("\xc3\xbc") },
	{ .name = "status with three digits", .lines = { S("550 5.7.509 x") }, .code = 550,
	    .taken = 1, .text = S("5.7.509 x"), .status = S("5.7.509") },
	{ .name = "status alone", .lines = { S("550 5.7.1") }, .code = 550, .taken = 1,
	    .text = S("5.7.1"), .status = S("5.7.1") },
	{ .name = "status on the first of two lines", .lines = { S("550-5.7.1"), S("550 x") },
	    .code = 550, .taken = 2, .text = S("5.7.1\nx"), .status = S("5.7.1") },
	{ .name = "status of another class", .lines = { S("550 4.7.1 x") }, .code = 550, .taken = 1,
	    .text = S("4.7.1 x") },
	{ .name = "no status after 354", .lines = { S("354 3.0.0 x") }, .code = 354, .taken = 1,
	    .text = S("3.0.0 x") },
	{ .name = "status with four digits", .lines = { S("550 5.7.1234 x") }, .code = 550,
	    .taken = 1, .text = S("5.7.1234 x") },
	{ .name = "status with two parts", .lines = { S("550 5.7 x") }, .code = 550, .taken = 1,
	    .text = S("5.7 x") },
	{ .name = "status that runs into a word", .lines = { S("550 5.7.1x") }, .code = 550,
	    .taken = 1, .text = S("5.7.1x") },
	{ .name = "status cut short", .lines = { S("550 5.") }, .code = 550, .taken = 1,
	    .text = S("5.") },
	{ .name = "status cut after its second part", .lines = { S("550 5.7.") }, .code = 550,
	    .taken = 1, .text = S("5.7.") },
};

static void
test_format(void)
{
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		struct smtp_reply r = { .code = formats[i].code, .text = formats[i].text };
		char space[2048];
		struct buf b = BUF(space);

		smtp_reply_format(&b, &r);
		is(buf_slice(&b), formats[i].want, formats[i].name);
	}
}

static void
test_peer(void)
{
	for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
		const struct peer *p = &peers[i];
		struct smtp_peer_reply r;
		unsigned taken = 0;

		smtp_peer_reply_init(&r);
		while (taken < 4 && p->lines[taken].p)
			if (smtp_peer_reply_line(&r, p->lines[taken++]))
				break;
		ok(r.code == p->code && r.malformed == p->malformed && taken == p->taken,
		    "%s (%d, %d, %u)", p->name, r.code, r.malformed, taken);
		is(buf_slice(&r.text), p->text, "its text");
		is(smtp_peer_reply_status(&r), p->status, "its status");
	}
}

static void
test_peer_limits(void)
{
	struct smtp_peer_reply r;
	unsigned lines = 0;

	smtp_peer_reply_init(&r);
	while (lines < 10000 && !smtp_peer_reply_line(&r, SL("250-again")))
		lines++;
	ok(r.malformed && r.endless && lines == SMTP_PEER_LINES, "a reply without an end is cut");

	smtp_peer_reply_init(&r);
	for (lines = 1; lines < SMTP_PEER_LINES; lines++)
		(void)smtp_peer_reply_line(&r, SL("250-again"));
	ok(smtp_peer_reply_line(&r, SL("250 end")) && !r.malformed && !r.endless,
	    "as many lines as there may be");

	smtp_peer_reply_init(&r);
	for (lines = 0; lines < SMTP_PEER_OCTETS / 512; lines++)
		(void)smtp_peer_reply_line(&r, SL("250-" T500 "123456"));
	ok(r.octets == SMTP_PEER_OCTETS && !r.malformed, "as many octets as there may be");
	ok(smtp_peer_reply_line(&r, SL("250")) && r.malformed && r.endless, "and one line more");

	smtp_peer_reply_init(&r);
	(void)smtp_peer_reply_line(&r, SL("250-" T500));
	for (int i = 0; i < 4; i++)
		(void)smtp_peer_reply_line(&r, SL("250-" T500 T10));
	ok(smtp_peer_reply_line(&r, SL("250 x")), "the last of many lines");
	ok(r.code == 250 && !r.malformed && r.text.full, "more text than there is room for");
	ok(r.text.n == 500 + 3 * 511, "lines are dropped whole, and none is kept after a gap (%zu)",
	    r.text.n);

	smtp_peer_reply_init(&r);
	ok(smtp_peer_reply_line(&r, SL("550 " T500 T500 T500 T500 T100)) &&
		r.text.n == SMTP_PEER_TEXT,
	    "a first line is cut");
	smtp_peer_reply_init(&r);
	ok(smtp_peer_reply_line(&r, SL("250 Ok")) && r.code == 250 && !r.malformed && !r.text.full,
	    "ready for the next reply");
}

int
main(void)
{
	test_format();
	test_peer();
	test_peer_limits();
	return tap_done();
}
