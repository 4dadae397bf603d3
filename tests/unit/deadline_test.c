// SPDX-License-Identifier: ISC
/*
 * DELIVERBY: the value of BY, when it is over, and the value sent on (RFC 2852).
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
	{ .value = S("120;R"), .good = true, .by = { .seconds = 120, .give_back = true },
	  .text = "120;R" },
	{ .value = S("+120;R"), .good = true, .by = { .seconds = 120, .give_back = true },
	  .text = "120;R" },
	{ .value = S("120;N"), .good = true, .by = { .seconds = 120 }, .text = "120;N" },
	{ .value = S("-120;N"), .good = true, .by = { .seconds = -120 }, .text = "-120;N" },
	{ .value = S("0;N"), .good = true, .by = { 0 }, .text = "0;N" },
	{ .value = S("-0;nt"), .good = true, .by = { .trace = true }, .text = "0;NT" },
	{ .value = S("7;rT"), .good = true,
	  .by = { .seconds = 7, .give_back = true, .trace = true }, .text = "7;RT" },
	{ .value = S("999999999;R"), .good = true,
	  .by = { .seconds = 999999999, .give_back = true }, .text = "999999999;R" },
	{ .value = S("000000001;R"), .good = true, .by = { .seconds = 1, .give_back = true },
	  .text = "1;R" },
	{ .value = S("1000000000;R") },
	{ .value = S("0000000001;R") },
	{ .value = S("0;R") },
	{ .value = S("-1;R") },
	{ .value = S("-0;RT") },
	{ .value = S("120") },
	{ .value = S("120;") },
	{ .value = S(";R") },
	{ .value = S("-;N") },
	{ .value = S("+-1;N") },
	{ .value = S("1 ;N") },
	{ .value = S("1;T") },
	{ .value = S("1;RN") },
	{ .value = S("1;RTT") },
	{ .value = S("1;R;T") },
	{ .value = S("x;N") },
	{ .value = S("") },
};

static void
test_values(void)
{
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct smtp_by by = { 0 };
		char text[32];
		struct buf b = BUF(text);
		bool good = smtp_by_parse(values[i].value, &by);

		ok(good == values[i].good && by.seconds == values[i].by.seconds &&
		    by.give_back == values[i].by.give_back && by.trace == values[i].by.trace,
		    "BY=%s", values[i].value.p);
		if (!good)
			continue;
		smtp_by_put(&b, &by);
		is(buf_slice(&b), slice_str(values[i].text), "it is written back");
	}
}

static void
test_beyond(void)
{
	struct smtp_by early = { -INT64_C(10000000000), false, false },
		       late = { INT64_C(10000000000), true, false };
	char text[64];
	struct buf b = BUF(text);

	smtp_by_put(&b, &early);
	buf_chr(&b, ' ');
	smtp_by_put(&b, &late);
	is(buf_slice(&b), SL("-999999999;N 999999999;R"), "never more than nine digits");
}

static const struct {
	const char *params;
	int64_t after_s;		/* since the message came */
	bool set, give_back, over, ends, noticed;
} deadlines[] = {
	{ .params = "", .after_s = 1 },
	{ .params = "RET=FULL BY=x", .after_s = 1 },
	{ .params = "RET=FULL by=60;R", .after_s = 59, .set = true, .give_back = true },
	{ .params = "BY=60;R ENVID=1", .after_s = 60, .set = true, .give_back = true, .over = true,
	  .ends = true },
	{ .params = "BY=60;N", .after_s = 59, .set = true },
	{ .params = "BY=60;N", .after_s = 61, .set = true, .over = true },
	{ .params = "BY=-60;N", .set = true, .over = true, .noticed = true },
	{ .params = "BY=0;NT", .set = true, .over = true, .noticed = true },
	{ .params = "HOLDFOR=3600 BY=60;R", .after_s = 61, .set = true, .give_back = true,
	  .over = true, .ends = true },
};

static void
test_deadlines(void)
{
	for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
		struct queue_entry e = { .arrived_us = CAME * 1000000,
			.from_params = slice_str(deadlines[i].params) };
		struct deadline d = deadline_of(&e);
		int64_t now_s = CAME + deadlines[i].after_s;

		ok(d.set == deadlines[i].set && d.give_back == deadlines[i].give_back &&
		    d.noticed == deadlines[i].noticed,
		    "\"%s\": its flags", deadlines[i].params);
		ok(deadline_over(&d, now_s) == deadlines[i].over &&
		    deadline_ends(&d, now_s) == deadlines[i].ends,
		    "\"%s\": after %lld s", deadlines[i].params, (long long)deadlines[i].after_s);
	}
}

/* The parameters of MAIL for a message that came a minute ago. */
static const struct {
	const char *name, *params;
	bool offered;
	uint64_t min_by;
	bool fits;
	const char *want;
} passed[] = {
	{ .name = "nothing asked",
	  .params = "RET=FULL ENVID=a", .offered = true, .want = "RET=FULL ENVID=a" },
	{ .name = "mode R: the time that is left",
	  .params = "RET=FULL BY=100;R ENVID=a", .offered = true, .fits = true,
	  .want = "RET=FULL BY=40;R ENVID=a" },
	{ .name = "the trace flag stays",
	  .params = "BY=+100;nt", .offered = true, .fits = true, .want = "BY=40;NT" },
	{ .name = "mode N: less than nothing is left",
	  .params = "BY=10;N", .offered = true, .fits = true, .want = "BY=-50;N" },
	{ .name = "mode R: nothing is left", .params = "BY=60;R", .offered = true, .want = "" },
	{ .name = "not offered", .params = "BY=100;R RET=HDRS", .want = "RET=HDRS" },
	{ .name = "just enough for the server",
	  .params = "BY=100;R", .offered = true, .min_by = 40, .fits = true, .want = "BY=40;R" },
	{ .name = "too little for the server",
	  .params = "BY=100;R", .offered = true, .min_by = 41, .want = "" },
	{ .name = "mode N: the same",
	  .params = "BY=100;N", .offered = true, .min_by = 41, .want = "" },
	{ .name = "mode N: a server with a least time, but the time is over",
	  .params = "BY=10;N", .offered = true, .min_by = 1, .want = "" },
};

static void
test_params(void)
{
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		struct queue_entry e = { .arrived_us = CAME * 1000000,
			.from_params = slice_str(passed[i].params) };
		struct client_offer peer = { .offers = { [SMTP_EXT_DELIVERBY] = passed[i].offered },
			.min_by = passed[i].min_by };
		struct deadline d = deadline_of(&e);
		char space[200];
		struct buf b = BUF(space);

		ok(deadline_fits(&d, &peer, CAME + 60) == passed[i].fits, "%s", passed[i].name);
		is(deadline_params(&e, &peer, CAME + 60, &b), slice_str(passed[i].want),
		    passed[i].name);
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
