// SPDX-License-Identifier: ISC
/* The format of a queue file. */
#include "tests/unit/queue_fixture.h"

#define FIXED_GOOD "smtp-handler 1 size=0000000000001000 envelope=%08zu sum=00000000000000ff\n" \
	"content 8bit=n utf8=n dots=n binary=n crlf=y longest=0000000998\n" "tried 0007 warned y\n"
#define ID       "id: 0123456789ABCDEF\n"
#define ARRIVED  "arrived: 1795323773.000123 2026-11-22T05:02:53Z\n"
#define FROM     "from: <a@b>\n"

/* Parse the fixed lines with these lines after them. */
static int
parse(const char *lines, char space[2048], struct queue_entry *e)
{
	size_t n = QUEUE_FIXED + strlen(lines);

	(void)snprintf(space, 2048, FIXED_GOOD "%s", n, lines);
	*e = (struct queue_entry){ .fd = -1 };
	return queue_envelope_parse(slice_of(space, n), e);
}

static void
test_lines(void)
{
	static const struct {
		const char *name, *lines;
		bool good;
	} cases[] = {
		{ "whole", ID ARRIVED FROM "P <c@d>\n\n", true },
		{ "keys of others", ID ARRIVED FROM "priority: 3\nx-y: \nP <c@d>\n\n", true },
		{ "parameters",
		    ID ARRIVED "from: <a@b> SIZE=3 BODY=8BITMIME\nP <c@d> ORCPT=rfc822;c@d\n\n",
		    true },
		{ "null sender", ID ARRIVED "from: <>\nP <c@d>\n\n", true },
		{ "a stranger", ID ARRIVED FROM "standing: stranger\nP <c@d>\n\n", true },
		{ "a trusted client", ID ARRIVED FROM "standing: trusted\nP <c@d>\n\n", true },
		{ "a user", ID ARRIVED FROM "standing: user anna b\nP <c@d>\n\n", true },
		{ "an owner", ID ARRIVED FROM "standing: owner anna\nP <c@d>\n\n", true },
		{ "no such standing", ID ARRIVED FROM "standing: root\nP <c@d>\n\n", false },
		{ "no standing", ID ARRIVED FROM "standing: \nP <c@d>\n\n", false },
		{ "a user without name", ID ARRIVED FROM "standing: user\nP <c@d>\n\n", false },
		{ "a user with an empty name", ID ARRIVED FROM "standing: user \nP <c@d>\n\n",
		    false },
		{ "a stranger with a name", ID ARRIVED FROM "standing: stranger x\nP <c@d>\n\n",
		    false },
		{ "trusted and a blank", ID ARRIVED FROM "standing: trusted \nP <c@d>\n\n",
		    false },
		{ "two standings",
		    ID ARRIVED FROM "standing: stranger\nstanding: trusted\nP <c@d>\n\n", false },
		{ "quoted local part", ID ARRIVED FROM "P <\"x> @\\\"\"@d> NOTIFY=NEVER\n\n",
		    true },
		{ "states",
		    ID ARRIVED FROM "D <c@d>\nF <e@d>\nP <f@d>\nS <g@d>\nR <h@d>\nE <i@d>\n\n",
		    true },
		{ "8-bit path", ID ARRIVED FROM "P <\xc3\xa9@d>\n\n", true },
		{ "no id", ARRIVED FROM "P <c@d>\n\n", false },
		{ "bad id", "id: 0123456789abcdef\n" ARRIVED FROM "P <c@d>\n\n", false },
		{ "long id", "id: 0123456789ABCDEF0\n" ARRIVED FROM "P <c@d>\n\n", false },
		{ "two ids", ID ID ARRIVED FROM "P <c@d>\n\n", false },
		{ "no arrived", ID FROM "P <c@d>\n\n", false },
		{ "bad arrived", ID "arrived: 1795323773 x\n" FROM "P <c@d>\n\n", false },
		{ "arrived beyond time",
		    ID "arrived: 9223372036854775807.000000 x\n" FROM "P <c@d>\n\n", false },
		{ "two arrived", ID ARRIVED ARRIVED FROM "P <c@d>\n\n", false },
		{ "no from", ID ARRIVED "P <c@d>\n\n", false },
		{ "two froms", ID ARRIVED FROM FROM "P <c@d>\n\n", false },
		{ "from without brackets", ID ARRIVED "from: a@b\nP <c@d>\n\n", false },
		{ "from that does not end", ID ARRIVED "from: <a@b\nP <c@d>\n\n", false },
		{ "from with a tail", ID ARRIVED "from: <a@b>x\nP <c@d>\n\n", false },
		{ "no recipient", ID ARRIVED FROM "\n", false },
		{ "null recipient", ID ARRIVED FROM "P <>\n\n", false },
		{ "quote that does not end", ID ARRIVED FROM "P <\"c@d>\n\n", false },
		{ "backslash at the end", ID ARRIVED FROM "P <\"c\\\n\n", false },
		{ "unknown state", ID ARRIVED FROM "X <c@d>\n\n", false },
		{ "no key", ID ARRIVED FROM "P <c@d>\n: x\n\n", false },
		{ "no colon", ID ARRIVED FROM "P <c@d>\nhello\n\n", false },
		{ "no blank", ID ARRIVED FROM "P <c@d>\na:b\n\n", false },
		{ "control character", ID ARRIVED FROM "P <c@d>\na: \x01\n\n", false },
		{ "CR", ID ARRIVED FROM "P <c@d>\r\n\n", false },
		{ "no empty line", ID ARRIVED FROM "P <c@d>\n", false },
		{ "no end", ID ARRIVED FROM "P <c@d>", false },
		{ "empty line too early", ID ARRIVED FROM "P <c@d>\n\nP <e@f>\n\n", false },
		{ "empty", "", false },
	};
	char space[2048];
	struct queue_entry e;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ok(parse(cases[i].lines, space, &e) == (cases[i].good ? 0 : -EBADMSG), "%s",
		    cases[i].name);
		queue_unload(&e);
	}
}

static void
test_values(void)
{
	char space[2048];
	struct queue_entry e;

	must(parse(ID ARRIVED
		 "from: <a@b> SIZE=3\nclient: x\nP <\"q@>\\\"\"@d> X=1 Y=2\nF <postmaster>\n\n",
		 space, &e) == 0,
	    "parse");
	ok(e.arrived_us == INT64_C(1795323773000123), "arrived");
	ok(e.attempts == 7 && e.warned, "attempts and notice");
	ok(e.content_at == strlen(space) && e.content_size == 1000 - strlen(space),
	    "the place of the content");
	ok(e.facts.longest_line == 998 && !e.facts.no_final_crlf, "facts");
	is(e.from, SL("a@b"), "from");
	is(e.from_params, SL("SIZE=3"), "the parameters");
	is(e.client, SL("x"), "client");
	is(e.rcpts[0].path, SL("\"q@>\\\"\"@d"), "a quoted local part");
	is(e.rcpts[0].domain, SL("d"), "the domain");
	is(e.rcpts[0].params, SL("X=1 Y=2"), "the parameters");
	ok(space[e.rcpts[0].at] == 'P' && space[e.rcpts[1].at] == 'F', "the places of the states");
	ok(e.rcpts[1].state == QUEUE_FAILED && e.rcpts[1].domain.n == 0,
	    "postmaster has no domain");
	ok(e.standing == STANDING_STRANGER && e.user.n == 0, "no standing: a stranger");
	queue_unload(&e);
	must(parse(ID ARRIVED FROM "standing: owner anna b\nP <c@d>\n\n", space, &e) == 0, "parse");
	ok(e.standing == STANDING_OWNER, "the standing of an owner");
	is(e.user, SL("anna b"), "the user");
	queue_unload(&e);
}

/* The fixed lines are read as they were written, and refused if any octet is wrong. */
static void
test_fixed(void)
{
	static const char bad[] = { 'g', '-', ' ', '\n', '\0', 'N', '\x80' };
	struct queue_fixed in = {
		.size = 9999999999999999, .envelope = 12345678, .sum = 0xfedcba9876543210,
		.facts = { .eight_bit = true, .dot_line = true, .no_final_crlf = true,
			.longest_line = UINT64_MAX },
		.attempts = 42,
	}, out;
	char text[QUEUE_FIXED], changed[QUEUE_FIXED];
	bool all = true;

	queue_fixed_write(text, &in);
	ok(queue_fixed_parse(text, &out) == 0 && out.size == in.size &&
		out.envelope == in.envelope && out.sum == in.sum && out.attempts == 42 &&
		!out.warned,
	    "numbers");
	ok(out.facts.eight_bit && !out.facts.utf8_header && out.facts.dot_line &&
		!out.facts.binary && out.facts.no_final_crlf &&
		out.facts.longest_line == 9999999999,
	    "facts; the length of a line is cut to the largest that fits");
	ok(text[QUEUE_FIXED - 1] == '\n' && strncmp(text + QUEUE_TRIED_AT, "0042", 4) == 0 &&
		text[QUEUE_WARNED_AT] == 'n',
	    "fields that change in place are at their places");
	for (size_t i = 0; i < QUEUE_FIXED; i++)
		for (size_t j = 0; j < sizeof bad; j++) {
			memcpy(changed, text, sizeof text);
			changed[i] = bad[j];
			if (memcmp(changed, text, sizeof text) != 0)
				all &= queue_fixed_parse(changed, &out) == -EBADMSG;
		}
	ok(all, "no wrong octet is accepted");
	ok(queue_fixed_parse(QUEUE_FIXED_BLANK, &out) == -EBADMSG,
	    "a file before the commit is no queue file");
	in.envelope = QUEUE_FIXED;
	queue_fixed_write(text, &in);
	ok(queue_fixed_parse(text, &out) == -EBADMSG, "no envelope");
	in.envelope = 1000;
	in.size = 999;
	queue_fixed_write(text, &in);
	ok(queue_fixed_parse(text, &out) == -EBADMSG, "an envelope beyond the end");
	in.size = in.envelope = QUEUE_ENVELOPE_MAX + 1;
	queue_fixed_write(text, &in);
	ok(queue_fixed_parse(text, &out) == -EBADMSG, "an envelope far beyond the end");
}

static void
test_sum(void)
{
	static const struct {
		struct slice text;
		uint64_t sum;
	} cases[] = {
		{ .text = S(""), .sum = 0x0000000000000001 },
		{ .text = S("\0\0\0\0"), .sum = 0x0000000100000001 },
		{ .text = S("\1\0\0\0"), .sum = 0x0000000200000002 },
		{ .text = S("\1\0\0\0\2"), .sum = 0x0000000600000004 },
		{ .text = S("\xff\xff\xff\xff\xff\xff\xff\xff"), .sum = 0xffffffffffffffff },
	};
	struct queue_sum s;
	char *p = pattern(1000);
	bool same = true;
	uint64_t whole;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		queue_sum_init(&s);
		queue_sum_add(&s, cases[i].text);
		ok(queue_sum_end(&s) == cases[i].sum, "sum %016llx",
		    (unsigned long long)cases[i].sum);
	}
	queue_sum_init(&s);
	queue_sum_add(&s, slice_of(p, 1000));
	whole = queue_sum_end(&s);
	for (size_t piece = 1; piece < 20; piece++) {
		queue_sum_init(&s);
		for (struct slice rest = slice_of(p, 1000); rest.n; rest = slice_skip(rest, piece))
			queue_sum_add(&s, slice_of(rest.p, rest.n < piece ? rest.n : piece));
		same &= queue_sum_end(&s) == whole;
	}
	ok(same, "the sum is the same in pieces of any size");
	free(p);
}

int
main(void)
{
	test_lines();
	test_values();
	test_fixed();
	test_sum();
	return tap_done();
}
