// SPDX-License-Identifier: ISC
#include "shared/talk.h"

#include <string.h>

#include "tests/lib/tap.h"

static char octets[TALK_OCTETS + 1];

static struct slice
encode(const struct talk *t)
{
	struct buf b = BUF(octets);

	talk_encode(t, &b);
	return buf_slice(&b);
}

static bool
comes_back(const struct talk *t)
{
	struct talk got;

	return talk_parse(encode(t), &got) && got.kind == t->kind && got.number == t->number &&
	    got.since == t->since && got.grace_us == t->grace_us && got.free_us == t->free_us &&
	    slice_eq(got.text, t->text);
}

int
main(void)
{
	static const struct {
		const char *name;
		bool good;
		struct talk t;
	} rows[] = {
		{ "a hello", true, { .kind = TALK_HELLO, .since = 1800000000000000 } },
		{ "a hello with text", false, { .kind = TALK_HELLO, .text = S("x") } },
		{ "a hello of before all", false, { .kind = TALK_HELLO, .since = -1 } },
		{ "a question", true, { .kind = TALK_ASK, .number = 7, .interval_us = 1000,
		    .grace_us = 10000000, .free_us = -500, .text = S("route * mx a.example") } },
		{ "a question without a number", false, { .kind = TALK_ASK, .interval_us = 1,
		    .text = S("a") } },
		{ "a question without an interval", false, { .kind = TALK_ASK, .number = 1,
		    .text = S("a") } },
		{ "a question about nothing", false, { .kind = TALK_ASK, .number = 1,
		    .interval_us = 1 } },
		{ "a control character", false, { .kind = TALK_ASK, .number = 1,
		    .interval_us = 1, .text = S("a\nb") } },
		{ "the largest value", true, { .kind = TALK_ASK, .number = 1,
		    .interval_us = TALK_VALUE_MAX, .text = S("a") } },
		{ "a larger one", false, { .kind = TALK_ASK, .number = 1,
		    .interval_us = TALK_VALUE_MAX + 1, .text = S("a") } },
		{ "a fact", true, { .kind = TALK_TELL, .text = S("192.0.2.1:25 mx 0") } },
		{ "two facts", false, { .kind = TALK_TELL, .text = S("a\nb") } },
		{ "here", true, { .kind = TALK_HERE } },
		{ "away", true, { .kind = TALK_AWAY } },
		{ "away with a value", false, { .kind = TALK_AWAY, .free_us = 1 } },
		{ "a moment of the past", true, { .kind = TALK_GIVEN, .number = 1,
		    .after_us = -5 } },
		{ "a moment for nobody", false, { .kind = TALK_GIVEN, .after_us = 5 } },
		{ "news", true, { .kind = TALK_NEWS, .since = 5, .text = S("1 a b\n2 c d\n") } },
		{ "half a line of news", false, { .kind = TALK_NEWS, .since = 5,
		    .text = S("1 a b\n2 c") } },
		{ "no kind", false, { .kind = 0 } },
		{ "another kind", false, { .kind = TALK_NEWS + 1 } },
	};
	struct talk t = { .kind = TALK_HERE };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(rows[i].good ? comes_back(&rows[i].t) : !talk_parse(encode(&rows[i].t), &t),
		    "%s: %s", rows[i].name, rows[i].good ? "comes back" : "is refused");
	ok(!talk_parse(slice_of(octets, 31), &t) && !talk_parse(SL(""), &t), "half a frame");
	(void)encode(&(struct talk){ .kind = TALK_HERE });
	octets[3] = 1;
	ok(!talk_parse(slice_of(octets, 32), &t) && t.kind == TALK_HERE, "another zero");
	return tap_done();
}
