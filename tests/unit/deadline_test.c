// SPDX-License-Identifier: ISC
/*
 * DELIVERBY (RFC 2852): the value of BY, and what is made of it on the way.
 */
#include "attempt/deadline.h"

#include "smtp/deliver_by.h"
#include "tests/lib/tap.h"

#define CAME INT64_C(1763787773)

static const struct {
	struct slice value;
	bool good;
	struct smtp_by by;
	const char *text;
} values[] = {
	{ S("120;R"), true, { 120, true, false }, "120;R" },
	{ S("+120;R"), true, { 120, true, false }, "120;R" },
	{ S("120;N"), true, { 120, false, false }, "120;N" },
	{ S("-120;N"), true, { -120, false, false }, "-120;N" },
	{ S("0;N"), true, { 0, false, false }, "0;N" },
	{ S("-0;nt"), true, { 0, false, true }, "0;NT" },
	{ S("7;rT"), true, { 7, true, true }, "7;RT" },
	{ S("999999999;R"), true, { 999999999, true, false }, "999999999;R" },
	{ S("000000001;R"), true, { 1, true, false }, "1;R" },
	{ S("1000000000;R"), false, { 0 }, NULL },
	{ S("0000000001;R"), false, { 0 }, NULL },
	{ S("0;R"), false, { 0 }, NULL },
	{ S("-1;R"), false, { 0 }, NULL },
	{ S("-0;RT"), false, { 0 }, NULL },
	{ S("120"), false, { 0 }, NULL },
	{ S("120;"), false, { 0 }, NULL },
	{ S(";R"), false, { 0 }, NULL },
	{ S("-;N"), false, { 0 }, NULL },
	{ S("+-1;N"), false, { 0 }, NULL },
	{ S("1 ;N"), false, { 0 }, NULL },
	{ S("1;T"), false, { 0 }, NULL },
	{ S("1;RN"), false, { 0 }, NULL },
	{ S("1;RTT"), false, { 0 }, NULL },
	{ S("1;R;T"), false, { 0 }, NULL },
	{ S("x;N"), false, { 0 }, NULL },
	{ S(""), false, { 0 }, NULL },
};

static void
test_values(void)
{
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct smtp_by by = { 0 };
		char text[32];
		struct buf b = BUF(text);
		bool good = smtp_by_parse(values[i].value, &by);

		ok(good == values[i].good && by.seconds == values[i].by.seconds && by.give_back == values[i].by.give_back &&
		    by.trace == values[i].by.trace, "BY=%s", values[i].value.p);
		if (!good)
			continue;
		smtp_by_put(&b, &by);
		is(buf_slice(&b), slice_str(values[i].text), "and written");
	}
}

static void
test_beyond(void)
{
	struct smtp_by early = { -INT64_C(10000000000), false, false }, late = { INT64_C(10000000000), true, false };
	char text[64];
	struct buf b = BUF(text);

	smtp_by_put(&b, &early);
	buf_chr(&b, ' ');
	smtp_by_put(&b, &late);
	is(buf_slice(&b), SL("-999999999;N 999999999;R"), "never more than nine digits");
}

static const struct {
	const char *params;
	int64_t after_s;		/* since it came */
	bool set, give_back, over, ends, told;
} deadlines[] = {
	{ "", 1, false, false, false, false, false },
	{ "RET=FULL BY=x", 1, false, false, false, false, false },
	{ "RET=FULL by=60;R", 59, true, true, false, false, false },
	{ "BY=60;R ENVID=1", 60, true, true, true, true, false },
	{ "BY=60;N", 59, true, false, false, false, false },
	{ "BY=60;N", 61, true, false, true, false, false },
	{ "BY=-60;N", 0, true, false, true, false, true },
	{ "BY=0;NT", 0, true, false, true, false, true },
	{ "HOLDFOR=3600 BY=60;R", 61, true, true, true, true, false },
};

static void
test_deadlines(void)
{
	for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
		struct queue_entry e = { .arrived_us = CAME * 1000000, .from_params = slice_str(deadlines[i].params) };
		struct deadline d = deadline_of(&e);
		int64_t now_s = CAME + deadlines[i].after_s;

		ok(d.set == deadlines[i].set && d.give_back == deadlines[i].give_back && d.told == deadlines[i].told,
		    "\"%s\": what it asks for", deadlines[i].params);
		ok(deadline_over(&d, now_s) == deadlines[i].over && deadline_ends(&d, now_s) == deadlines[i].ends,
		    "\"%s\": after %lld s", deadlines[i].params, (long long)deadlines[i].after_s);
	}
}

/* What MAIL says to a server of a message that came a minute ago. */
static const struct {
	const char *name, *params;
	bool offered;
	uint64_t min_by;
	bool fits;
	const char *want;
} passed[] = {
	{ "nothing asked", "RET=FULL ENVID=a", true, 0, false, "RET=FULL ENVID=a" },
	{ "mode R: what is left", "RET=FULL BY=100;R ENVID=a", true, 0, true, "RET=FULL BY=40;R ENVID=a" },
	{ "the trace flag stays", "BY=+100;nt", true, 0, true, "BY=40;NT" },
	{ "mode N: less than nothing is left", "BY=10;N", true, 0, true, "BY=-50;N" },
	{ "mode R: nothing is left", "BY=60;R", true, 0, false, "" },
	{ "not offered", "BY=100;R RET=HDRS", false, 0, false, "RET=HDRS" },
	{ "just enough for the server", "BY=100;R", true, 40, true, "BY=40;R" },
	{ "too little for the server", "BY=100;R", true, 41, false, "" },
	{ "mode N: the same", "BY=100;N", true, 41, false, "" },
	{ "mode N: a server with a least time, and it is over", "BY=10;N", true, 1, false, "" },
};

static void
test_params(void)
{
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		struct queue_entry e = { .arrived_us = CAME * 1000000, .from_params = slice_str(passed[i].params) };
		struct client_offer peer = { .offers = { [SMTP_EXT_DELIVERBY] = passed[i].offered }, .min_by = passed[i].min_by };
		struct deadline d = deadline_of(&e);
		char space[200];
		struct buf b = BUF(space);

		ok(deadline_fits(&d, &peer, CAME + 60) == passed[i].fits, "%s", passed[i].name);
		is(deadline_params(&e, &peer, CAME + 60, &b), slice_str(passed[i].want), passed[i].name);
	}
}

int
main(void)
{
	test_values();
	test_beyond();
	test_deadlines();
	test_params();
	return tap_done();
}
