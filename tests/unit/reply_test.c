// SPDX-License-Identifier: ISC
/*
 * Replies: the server's on the wire, and a peer's taken apart.
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
	{ "H004 one line", 250, S("2.1.0 Ok"), S("250 2.1.0 Ok\r\n") },
	{ "H005 three lines", 250, S("a\nb\nc"), S("250-a\r\n250-b\r\n250 c\r\n") },
	{ "no text", 250, S(""), S("250 \r\n") },
	{ "an empty line in the middle", 214, S("a\n\nb"), S("214-a\r\n214-\r\n214 b\r\n") },
	{ "a newline at the end starts no line", 214, S("a\n"), S("214 a\r\n") },
	{ "H006 506 octets of text", 250, S(T500 "abcdef"), S("250 " T500 "abcdef\r\n") },
	{ "H006 cut to 512 octets", 250, S(T500 "abcdefg"), S("250 " T500 "abcdef\r\n") },
	{ "each line is cut for itself", 250, S(T500 T10 "\nx"), S("250-" T500 "012345\r\n250 x\r\n") },
	{ "no half character at the cut", 250, S(T500 "abcde\xc3\xbc"), S("250 " T500 "abcde\r\n") },
	{ "control characters cannot forge a line", 550, S("a\rb\x1b\0c"), S("550 a?b??c\r\n") },
	{ "malformed UTF-8", 550, S("a\xff\xc3z"), S("550 a??z\r\n") },
	{ "tab", 550, S("a\tb"), S("550 a b\r\n") },
};

static const struct peer {
	const char *name;
	struct slice lines[4];		/* up to the first that is none */
	int code;
	bool malformed;
	unsigned taken;			/* lines until it was whole */
	struct slice text;
	struct slice status;
} peers[] = {
	{ "one line", { S("250 2.1.0 Ok") }, 250, false, 1, S("2.1.0 Ok"), S("2.1.0") },
	{ "three lines", { S("250-a"), S("250-b"), S("250 c") }, 250, false, 3, S("a\nb\nc"), S("") },
	{ "R142 no space", { S("250") }, 250, false, 1, S(""), S("") },
	{ "R142 no text", { S("250 ") }, 250, false, 1, S(""), S("") },
	{ "empty line of two", { S("250-"), S("250 x") }, 250, false, 2, S("\nx"), S("") },
	{ "R142 unknown code", { S("299 odd") }, 299, false, 1, S("odd"), S("") },
	{ "R142 1yz", { S("150 x") }, 0, true, 1, S(""), S("") },
	{ "R142 6yz", { S("600 x") }, 0, true, 1, S(""), S("") },
	{ "R142 garbage", { S("hello") }, 0, true, 1, S(""), S("") },
	{ "R142 an empty line", { S("") }, 0, true, 1, S(""), S("") },
	{ "two digits", { S("25 Ok") }, 0, true, 1, S(""), S("") },
	{ "two digits and the end", { S("25") }, 0, true, 1, S(""), S("") },
	{ "four digits", { S("2500 Ok") }, 0, true, 1, S(""), S("") },
	{ "NUL behind the code", { S("250\0x") }, 0, true, 1, S(""), S("") },
	{ "R120 code changes", { S("250-a"), S("550 b") }, 550, true, 2, S("a\nb"), S("") },
	{ "garbage in the middle", { S("250-a"), S("junk") }, 250, true, 2, S("a"), S("") },
	{ "control characters", { S("550 a\x1b[31m\xff") }, 550, false, 1, S("a?[31m?"), S("") },
	{ "UTF-8 stays", { S("550 \xc3\xbc") }, 550, false, 1, S("\xc3\xbc"), S("") },
	{ "status with three digits", { S("550 5.7.509 x") }, 550, false, 1, S("5.7.509 x"), S("5.7.509") },
	{ "status alone", { S("550 5.7.1") }, 550, false, 1, S("5.7.1"), S("5.7.1") },
	{ "status on the first of two lines", { S("550-5.7.1"), S("550 x") }, 550, false, 2, S("5.7.1\nx"), S("5.7.1") },
	{ "status of another class", { S("550 4.7.1 x") }, 550, false, 1, S("4.7.1 x"), S("") },
	{ "no status to 354", { S("354 3.0.0 x") }, 354, false, 1, S("3.0.0 x"), S("") },
	{ "status with four digits", { S("550 5.7.1234 x") }, 550, false, 1, S("5.7.1234 x"), S("") },
	{ "status with two parts", { S("550 5.7 x") }, 550, false, 1, S("5.7 x"), S("") },
	{ "status that runs into a word", { S("550 5.7.1x") }, 550, false, 1, S("5.7.1x"), S("") },
	{ "status cut short", { S("550 5.") }, 550, false, 1, S("5."), S("") },
	{ "status cut behind its second part", { S("550 5.7.") }, 550, false, 1, S("5.7."), S("") },
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
		ok(r.code == p->code && r.malformed == p->malformed && taken == p->taken, "%s (%d, %d, %u)", p->name,
		    r.code, r.malformed, taken);
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
	ok(r.malformed && lines == SMTP_PEER_LINES, "a reply without end is cut off");

	smtp_peer_reply_init(&r);
	(void)smtp_peer_reply_line(&r, SL("250-" T500));
	for (int i = 0; i < 4; i++)
		(void)smtp_peer_reply_line(&r, SL("250-" T500 T10));
	ok(smtp_peer_reply_line(&r, SL("250 x")), "the last of many lines");
	ok(r.code == 250 && !r.malformed && r.text.full, "more text than there is room for");
	ok(r.text.n == 500 + 3 * 511, "lines are dropped whole, and none follows a gap (%zu)", r.text.n);

	smtp_peer_reply_init(&r);
	ok(smtp_peer_reply_line(&r, SL("550 " T500 T500 T500 T500 T100)) && r.text.n == SMTP_PEER_TEXT,
	    "a first line is cut");
	smtp_peer_reply_init(&r);
	ok(smtp_peer_reply_line(&r, SL("250 Ok")) && r.code == 250 && !r.malformed && !r.text.full, "ready for the next");
}

int
main(void)
{
	test_format();
	test_peer();
	test_peer_limits();
	return tap_done();
}
