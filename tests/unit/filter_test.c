// SPDX-License-Identifier: ISC
#include "milter/filter.h"

#include "tests/lib/tap.h"

static struct filter f;

/* A packet: length, command, data. */
static void
add_packet(struct buf *b, char command, struct slice data)
{
	const uint32_t n = (uint32_t)data.n + 1;

	for (int shift = 24; shift >= 0; shift -= 8)
		buf_chr(b, (char)(n >> shift & 0xff));
	buf_chr(b, command);
	buf_add(b, data);
}

static struct filter_step
take_all(struct slice in, size_t step)
{
	struct filter_step ret = { .kind = FILTER_MORE };

	while (in.n && ret.kind == FILTER_MORE) {
		struct slice part = slice_of(in.p, in.n < step ? in.n : step);
		const size_t n = part.n;

		filter_take(&f, &part, &ret);
		in = slice_skip(in, n - part.n);
	}
	return ret;
}

#define ALL S("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")

/* A filter that has agreed with a server of version 6. */
static void
agree(void)
{
	char space[100];
	struct buf b = BUF(space);

	filter_begin(&f);
	add_packet(&b, 'O', (struct slice)ALL);
	(void)take_all(buf_slice(&b), sizeof space);
	b.n = 0;
	(void)filter_put_options(&f, &b, true);
}

static const struct {
	const char *name;
	char command;
	struct slice data;
	enum filter_kind kind;
	bool answer;
	struct slice field, value;
} steps[] = {
	{ "a client", 'C', S("mx\0004\0\x19" "192.0.2.1\0"), FILTER_CONNECT, true, S("mx"),
	    S("192.0.2.1") },
	{ "a client with IPv6", 'C', S("mx\0006\0\x19IPv6:2001:db8::1\0"), FILTER_CONNECT, true,
	    S("mx"), S("2001:db8::1") },
	{ "a client without an address", 'C', S("localhost\0U"), FILTER_CONNECT, true,
	    S("localhost"), S("") },
	{ "a local client", 'C', S("localhost\0L\0\0/run/x\0"), FILTER_CONNECT, true,
	    S("localhost"), S("") },
	{ "a client of another family", 'C', S("localhost\0X"), FILTER_BROKEN, true,
	    S("localhost"), S("") },
	{ "an address without its end", 'C', S("mx\0004\0\x19" "192.0.2.1"), FILTER_BROKEN, true,
	    S("mx"), S("") },
	{ "HELO needs no answer", 'H', S("client\0"), FILTER_HELO, false, S(""), S("client") },
	{ "MAIL with parameters", 'M', S("<a@b>\0SIZE=1\0"), FILTER_MAIL, true, S(""),
	    S("<a@b>") },
	{ "MAIL without its end", 'M', S("<a@b>"), FILTER_BROKEN, true, S(""), S("") },
	{ "RCPT", 'R', S("<c@d>\0"), FILTER_RCPT, true, S(""), S("<c@d>") },
	{ "a field needs no answer", 'L', S("To\0 a,\n b\0"), FILTER_FIELD, false, S("To"),
	    S(" a,\n b") },
	{ "a field without a value", 'L', S("To\0"), FILTER_BROKEN, false, S("To"), S("") },
	{ "the end of the header section", 'N', S(""), FILTER_HEADER_END, false, S(""), S("") },
	{ "the body may hold NUL", 'B', S("a\0b\r\n"), FILTER_BODY, false, S(""), S("a\0b\r\n") },
	{ "the end", 'E', S(""), FILTER_END, true, S(""), S("") },
	{ "the end with a part of the body", 'E', S("last"), FILTER_END, true, S(""), S("last") },
	{ "an abort has no answer", 'A', S(""), FILTER_ABORT, false, S(""), S("") },
	{ "quit", 'Q', S(""), FILTER_QUIT, false, S(""), S("") },
	{ "another session follows", 'K', S(""), FILTER_QUIT_SESSION, false, S(""), S("") },
	{ "options again", 'O', ALL, FILTER_BROKEN, true, S(""), S("") },
	{ "a command that does not exist", 'Z', S(""), FILTER_BROKEN, false, S(""), S("") },
};

static void
test_steps(void)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		bool good = true;

		for (size_t octets = 1; octets < 64; octets += 62) {
			char space[200];
			struct buf b = BUF(space);
			struct filter_step s;

			agree();
			add_packet(&b, steps[i].command, steps[i].data);
			s = take_all(buf_slice(&b), octets);
			good = good && s.kind == steps[i].kind && s.answer == steps[i].answer &&
			    slice_eq(s.name, steps[i].field) && slice_eq(s.value, steps[i].value);
		}
		ok(good, "%s", steps[i].name);
	}
}

static void
test_macros(void)
{
	char space[1000], big[FILTER_MACRO_MAX + 20] = "C{j}";
	struct buf b = BUF(space);
	struct filter_step s;

	agree();
	add_packet(&b, 'D', (struct slice)S("Cj\0mx.example.org\0v\0x\0"));
	add_packet(&b, 'D', (struct slice)S("M{auth_authen}\0anna\0i\0" "42\0"));
	s = take_all(buf_slice(&b), 7);
	ok(s.kind == FILTER_MORE && strcmp(f.hostname, "mx.example.org") == 0 &&
	    strcmp(f.user, "anna") == 0 && strcmp(f.id, "42") == 0, "macros are kept");
	b.n = 0;
	add_packet(&b, 'D', (struct slice)S("Mi\0" "43\0"));
	(void)take_all(buf_slice(&b), 100);
	ok(!f.user[0] && strcmp(f.id, "43") == 0, "the user of a message is not that of the next");
	b.n = 0;
	memset(big + 5, 'x', FILTER_MACRO_MAX);
	add_packet(&b, 'D', slice_of(big, 5 + FILTER_MACRO_MAX + 1));
	(void)take_all(buf_slice(&b), sizeof space);
	ok(!f.hostname[0], "a macro of %d octets is none", FILTER_MACRO_MAX);
	b.n = 0;
	add_packet(&b, 'D', slice_of(big, 5 + FILTER_MACRO_MAX - 1));
	s = take_all(buf_slice(&b), sizeof space);
	ok(s.kind == FILTER_BROKEN, "a macro without its end");
}

static void
test_limits(void)
{
	struct slice whole = S("\0\4\0\0B"), more = S("\0\4\0\1B"), none = S("\0\0\0\0B");
	struct slice in = whole;
	struct filter_step s;

	agree();
	filter_take(&f, &in, &s);
	ok(s.kind == FILTER_MORE, "a packet of %d octets", FILTER_PACKET_MAX);
	agree();
	filter_take(&f, &more, &s);
	ok(s.kind == FILTER_BROKEN, "a packet of one octet more");
	agree();
	filter_take(&f, &none, &s);
	ok(s.kind == FILTER_BROKEN, "a packet without a command");
}

static void
test_agreement(void)
{
	static const struct {
		const char *name;
		struct slice offered, agreed;
		bool rcpt;
	} cases[] = {
		{ "all is offered", ALL, S("\0\0\0\x0dO\0\0\0\6\0\0\0\x11\0\x1c\x23\x88"), false },
		{ "with recipients", ALL, S("\0\0\0\x0dO\0\0\0\6\0\0\0\x11\0\x1c\x23\x80"), true },
		{ "version 2 waits for each answer", S("\0\0\0\2\0\0\0\x3f\0\0\0\x7f"),
		    S("\0\0\0\x0dO\0\0\0\2\0\0\0\x11\0\0\0\0"), true },
		{ "fields cannot be changed", S("\0\0\0\6\0\0\0\1\0\0\0\0"), S(""), true },
		{ "a later version", S("\0\0\0\7\0\0\0\x11\0\0\0\0"),
		    S("\0\0\0\x0dO\0\0\0\6\0\0\0\x11\0\0\0\0"), true },
	};
	char space[200], again[200];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = BUF(space), out = BUF(again);
		struct slice want = cases[i].agreed;

		filter_begin(&f);
		add_packet(&b, 'O', cases[i].offered);
		(void)take_all(buf_slice(&b), 3);
		ok(filter_put_options(&f, &out, cases[i].rcpt) == (want.n > 0) &&
		    out.n == want.n && (want.n == 0 || memcmp(out.p + 4, want.p + 4, 9) == 0),
		    "%s", cases[i].name);
		if (want.n)
			ok(((f.steps & 0x8) == 0) == cases[i].rcpt || f.version == 2,
			    "%s: recipients", cases[i].name);
	}
	filter_begin(&f);
	{
		struct buf b = BUF(space);

		add_packet(&b, 'M', (struct slice)S("<>\0"));
		ok(take_all(buf_slice(&b), 99).kind == FILTER_BROKEN, "a step before the options");
	}
}

static void
test_answers(void)
{
	char space[400];
	struct buf b = BUF(space);

	agree();
	filter_put_answer(&b, 'c');
	filter_put_reply(&b, SL("550 5.7.1 100% no"));
	filter_put_remove(&b, SL("A"), 3);
	filter_put_insert(&f, &b, SL("A"), SL("v"));
	is(buf_slice(&b), SL("\0\0\0\1c\0\0\0\x14y550 5.7.1 100%% no\0\0\0\0\x08m\0\0\0\3A\0\0"
	    "\0\0\0\x0ai\0\0\0\0A\0 v\0"), "answers, with the blank behind a colon");
}

int
main(void)
{
	test_steps();
	test_macros();
	test_limits();
	test_agreement();
	test_answers();
	return tap_done();
}
