// SPDX-License-Identifier: ISC
#include "milter/milter.h"

#include "tests/lib/tap.h"

static struct milter m;

static struct slice
number(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (24 - 8 * i) & 0xff);
	return slice_of(p, 4);
}

/* A packet of a filter. */
static void
add_packet(struct buf *b, char command, struct slice data)
{
	char space[4];

	buf_add(b, number(space, (uint32_t)data.n + 1));
	buf_chr(b, command);
	buf_add(b, data);
}

static enum milter_kind
take_all(struct slice in, size_t step, enum milter_step at, struct milter_answer *ret)
{
	ret->kind = MILTER_MORE;
	while (in.n && ret->kind == MILTER_MORE) {
		struct slice part = slice_of(in.p, in.n < step ? in.n : step);
		const size_t n = part.n;

		milter_take(&m, &part, at, ret);
		in = slice_skip(in, n - part.n);
	}
	return ret->kind;
}

static enum milter_kind
agree(uint32_t version, uint32_t actions, uint32_t steps, struct slice lists)
{
	char space[1024], options[1024], p[4];
	struct buf b = BUF(space), data = BUF(options);
	struct milter_answer a;

	milter_begin(&m);
	buf_add(&data, number(p, version));
	buf_add(&data, number(p, actions));
	buf_add(&data, number(p, steps));
	buf_add(&data, lists);
	add_packet(&b, 'O', buf_slice(&data));
	return take_all(buf_slice(&b), 1, MILTER_CONNECT, &a);
}

static const struct {
	const char *name;
	char command;
	struct slice data;
	enum milter_step step;
	uint32_t actions;
	enum milter_kind kind;
	int code;
	const char *text;
} answers[] = {
	{ "continue", 'c', S(""), MILTER_MAIL, 0, MILTER_CONTINUE, 0, "" },
	{ "accept", 'a', S(""), MILTER_CONNECT, 0, MILTER_ACCEPT, 0, "" },
	{ "reject", 'r', S(""), MILTER_RCPT, 0, MILTER_REFUSE, 550, "5.7.1 Command rejected" },
	{ "tempfail", 't', S(""), MILTER_END, 0, MILTER_REFUSE, 451,
	  "4.7.1 Service unavailable - try again later" },
	{ "shutdown", '4', S(""), MILTER_MAIL, 0, MILTER_REFUSE, 421,
	  "4.7.0 Server closing connection" },
	{ "discard", 'd', S(""), MILTER_MAIL, 0, MILTER_DISCARD, 0, "" },
	{ "discard of a session", 'd', S(""), MILTER_HELO, 0, MILTER_BROKEN, 0, "" },
	{ "working", 'p', S(""), MILTER_END, 0, MILTER_WORKING, 0, "" },
	{ "skip that was not offered", 's', S(""), MILTER_BODY, 0, MILTER_BROKEN, 0, "" },
	{ "a reply", 'y', S("554 5.7.1 no\0"), MILTER_MAIL, 0, MILTER_REFUSE, 554, "5.7.1 no" },
	{ "a reply of one code", 'y', S("450\0"), MILTER_MAIL, 0, MILTER_REFUSE, 450, "" },
	{ "a reply of two lines", 'y', S("451-4.7.1 a\r\n451 4.7.1 b\0"), MILTER_END, 0,
	  MILTER_REFUSE, 451, "4.7.1 a\n4.7.1 b" },
	{ "a percent sign", 'y', S("550 50%% off\0"), MILTER_END, 0, MILTER_REFUSE, 550,
	  "50% off" },
	{ "a reply without its NUL", 'y', S("550 x"), MILTER_MAIL, 0, MILTER_BROKEN, 0, "" },
	{ "a reply of success", 'y', S("250 x\0"), MILTER_MAIL, 0, MILTER_BROKEN, 0, "" },
	{ "a status of another class", 'y', S("550 4.1.1 x\0"), MILTER_MAIL, 0, MILTER_BROKEN, 0,
	  "" },
	{ "an empty first line", 'y', S("550-\r\n550 x\0"), MILTER_MAIL, 0, MILTER_REFUSE, 550,
	    "\nx" },
	{ "another code in line 2", 'y', S("550-x\r\n551 x\0"), MILTER_MAIL, 0, MILTER_BROKEN, 0,
	  "" },
	{ "a control character", 'y', S("550 a\tb\0"), MILTER_MAIL, 0, MILTER_BROKEN, 0, "" },
	{ "an edit", 'h', S("X\0y\0"), MILTER_END, 1, MILTER_ADD_FIELD, 0, "" },
	{ "an edit too early", 'h', S("X\0y\0"), MILTER_BODY, 1, MILTER_BROKEN, 0, "" },
	{ "an edit that was not negotiated", 'h', S("X\0y\0"), MILTER_END, 0x1fe, MILTER_BROKEN,
	  0, "" },
	{ "an edit without its value", 'h', S("X\0y"), MILTER_END, 1, MILTER_BROKEN, 0, "" },
	{ "an insertion", 'i', S("\0\0\0\2X\0y\0"), MILTER_END, 1, MILTER_INSERT_FIELD, 0, "" },
	{ "an insertion without index", 'i', S("\0\0"), MILTER_END, 1, MILTER_BROKEN, 0, "" },
	{ "a change", 'm', S("\0\0\0\1X\0\0"), MILTER_END, 0x10, MILTER_CHANGE_FIELD, 0, "" },
	{ "a body", 'b', S("x"), MILTER_END, 2, MILTER_NEW_BODY, 0, "" },
	{ "a body that was not negotiated", 'b', S("x"), MILTER_END, 1, MILTER_BROKEN, 0, "" },
	{ "a recipient", '+', S("<a@b>\0"), MILTER_END, 4, MILTER_ADD_RCPT, 0, "" },
	{ "a recipient with parameters", '2', S("<a@b>\0NOTIFY=NEVER\0"), MILTER_END, 0x80,
	  MILTER_ADD_RCPT, 0, "" },
	{ "a recipient less", '-', S("<a@b>\0"), MILTER_END, 8, MILTER_DROP_RCPT, 0, "" },
	{ "a sender", 'e', S("<>\0"), MILTER_END, 0x40, MILTER_NEW_SENDER, 0, "" },
	{ "a quarantine", 'q', S("why\0"), MILTER_END, 0x20, MILTER_QUARANTINE, 0, "" },
	{ "an unknown command", '?', S(""), MILTER_END, 0x1ff, MILTER_BROKEN, 0, "" },
};

static void
test_answers(size_t step)
{
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		char space[200];
		struct buf b = BUF(space);
		struct milter_answer a;

		(void)agree(6, answers[i].actions, 0, SL(""));
		add_packet(&b, answers[i].command, answers[i].data);
		(void)take_all(buf_slice(&b), step, answers[i].step, &a);
		ok(a.kind == answers[i].kind && a.code == answers[i].code &&
		    slice_eq(a.text, slice_str(answers[i].text)), "%s, %zu octets at a time",
		    answers[i].name, step);
	}
}

static void
test_options(void)
{
	struct milter_answer a;
	struct slice list, name, huge = S("\0\4\0\1"), empty = S("\0\0\0\0");

	ok(agree(6, 0x1ff, 0x1ff7ff, SL("")) == MILTER_CONTINUE, "all actions and steps");
	ok(agree(2, 1, 0, SL("")) == MILTER_CONTINUE, "version 2");
	ok(agree(1, 1, 0, SL("")) == MILTER_BROKEN, "version 1");
	ok(agree(7, 1, 0, SL("")) == MILTER_BROKEN, "version 7");
	ok(agree(6, 0x200, 0, SL("")) == MILTER_BROKEN, "an action that was not offered");
	ok(agree(6, 0, 0x800, SL("")) == MILTER_BROKEN, "a step that was not offered");
	ok(agree(6, 0, 0, slice_of("\0\0\0\2i", 5)) == MILTER_BROKEN, "a list without its NUL");
	ok(agree(6, 0, 0x1, slice_of("\0\0\0\2i, {mail_addr}\0", 19)) == MILTER_CONTINUE,
	    "a list of macros");
	ok(!milter_wants(&m, MILTER_CONNECT) && milter_wants(&m, MILTER_HELO), "unwanted steps");
	list = milter_macros(&m, MILTER_MAIL);
	ok(milter_macro_next(&list, &name) && slice_eq(name, SL("i")) &&
	    milter_macro_next(&list, &name) && slice_eq(name, SL("mail_addr")) &&
	    !milter_macro_next(&list, &name), "the names of a list");
	(void)agree(6, 0, 0, SL(""));
	milter_take(&m, &huge, MILTER_MAIL, &a);
	ok(a.kind == MILTER_BROKEN, "a packet that is too large");
	(void)agree(6, 0, 0, SL(""));
	milter_take(&m, &empty, MILTER_MAIL, &a);
	ok(a.kind == MILTER_BROKEN, "a packet without a command");
	milter_begin(&m);
	ok(take_all(slice_of("\0\0\0\1c", 5), 5, MILTER_CONNECT, &a) == MILTER_BROKEN,
	    "no options");
}

static void
test_packets(void)
{
	static char space[80000];
	struct buf b = BUF(space);
	size_t place;

	place = milter_open(&b, MILTER_HELO);
	milter_put_string(&b, slice_of("a\0b", 3));
	milter_close(&b, place);
	place = milter_open_macros(&b, MILTER_MAIL);
	milter_put_macro(&b, SL("i"), SL("1"));
	milter_put_macro(&b, SL("mail_addr"), SL("x"));
	milter_close(&b, place);
	milter_put_bare(&b, 'Q');
	(void)is(buf_slice(&b), slice_of("\0\0\0\5Ha b\0\0\0\0\24DMi\0001\0{mail_addr}\0x\0"
	    "\0\0\0\1Q", 38), "packets");
	for (size_t n = MILTER_DATA_MAX; n <= MILTER_DATA_MAX + 1; n++) {
		b = (struct buf)BUF(space);
		place = milter_open(&b, MILTER_BODY);
		for (size_t i = 0; i < n; i++)
			buf_chr(&b, 'x');
		milter_close(&b, place);
		ok(b.full == (n > MILTER_DATA_MAX), "%zu octets of data", n);
	}
}

int
main(void)
{
	test_options();
	test_answers(1);
	test_answers(4);
	test_answers(1000);
	test_packets();
	return tap_done();
}
