// SPDX-License-Identifier: ISC
#include "base/clock.h"

#include <limits.h>

#include "tests/lib/tap.h"

static const struct {
	int64_t unix_s;
	const char *mail, *stamp;
} dates[] = {
	{ 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z" },
	{ 951782399, "Mon, 28 Feb 2000 23:59:59 +0000", "2000-02-28T23:59:59Z" },
	{ 951782400, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z" },
	{ 951868800, "Wed, 1 Mar 2000 00:00:00 +0000", "2000-03-01T00:00:00Z" },
	{ 1672531199, "Sat, 31 Dec 2022 23:59:59 +0000", "2022-12-31T23:59:59Z" },
	{ 1795324973, "Sun, 22 Nov 2026 05:22:53 +0000", "2026-11-22T05:22:53Z" },
	{ 2147483648, "Tue, 19 Jan 2038 03:14:08 +0000", "2038-01-19T03:14:08Z" },
	/* 2100 is not a leap year */
	{ 4107542400, "Mon, 1 Mar 2100 00:00:00 +0000", "2100-03-01T00:00:00Z" },
	{ 253402300799, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z" },
	{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z" },
	{ INT64_MIN, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z" },
};

static void
check_dates(void)
{
	for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
		char mail[64], stamp[64];
		struct buf m = BUF(mail), s = BUF(stamp);

		clock_mail_date(&m, dates[i].unix_s);
		clock_stamp(&s, dates[i].unix_s);
		is(buf_slice(&m), slice_str(dates[i].mail), dates[i].mail);
		is(buf_slice(&s), slice_str(dates[i].stamp), dates[i].stamp);
	}
}

/* Compare every day of 800 years with plain counting. */
static void
check_every_day(void)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year = 1970, month = 1, day = 1;
	bool same = true;

	for (int64_t s = 0; year < 2770; s += 86400) {
		char got_text[64], want_text[64];
		struct buf got = BUF(got_text), want = BUF(want_text);
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		clock_stamp(&got, s);
		buf_fmt(&want, "%04u-%02u-%02uT00:00:00Z", year, month, day);
		if (!slice_eq(buf_slice(&got), buf_slice(&want))) {
			printf("# %.*s != %.*s\n", (int)got.n, got.p, (int)want.n, want.p);
			same = false;
			break;
		}
		if (day++ < lengths[month - 1] + (month == 2 && leap))
			continue;
		day = 1;
		if (month++ == 12) {
			month = 1;
			year++;
		}
	}
	ok(same, "every_day_of_800_years");
}

static void
test_stamp_parse(void)
{
	static const struct { const char *in; int64_t want; } good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01t00:00:01z", 1 },
		{ "2026-11-22T05:02:53Z", 1795323773 },
		{ "2000-02-29T23:59:59.999Z", 951868799 },
		{ "2026-11-22T06:02:53+01:00", 1795323773 },
		{ "2026-11-21T23:32:53-05:30", 1795323773 },
		{ "2000-03-01T00:00:00Z", 951868800 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2400-12-31T00:00:00Z", INT64_C(13601001600) },
	};
	static const char *const bad[] = {
		"", "2026-11-22", "2026-11-22T05:02Z", "2026-11-22T05:02:53",
		"2026-13-22T05:02:53Z", "2026-00-22T05:02:53Z", "2026-11-32T05:02:53Z",
		"2026-11-22T24:02:53Z", "2026-11-22T05:60:53Z", "2026-11-22T05:02:53.Z",
		"2026-11-22T05:02:53+0100", "2026-11-22T05:02:53+01:60", "2026-11-22 05:02:53Z",
		"26-11-22T05:02:53Z", "2026-11-22T05:02:53Zx", "+026-11-22T05:02:53Z",
	};
	char space[64];
	int64_t s;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		ok(clock_stamp_parse(slice_str(good[i].in), &s) && s == good[i].want, "%s",
		    good[i].in);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!clock_stamp_parse(slice_str(bad[i]), &s), "not a date: \"%s\"", bad[i]);
	for (int64_t t = 0; t < INT64_C(200) * 366 * 86400; t += 86400 * 13 + 3601) {
		struct buf b = BUF(space);

		clock_stamp(&b, t);
		if (!clock_stamp_parse(buf_slice(&b), &s) || s != t) {
			ok(false, "back from %s", buf_cstr(&b));
			return;
		}
	}
	ok(true, "a stamp is read back as the same time");
}

int
main(void)
{
	test_stamp_parse();
	int64_t ms = clock_ms(), us = clock_us();

	check_dates();
	check_every_day();
	ok(ms > 0 && us / 1000 >= ms && us / 1000 - ms < 10000, "one_monotonic_clock_in_two_units");
	ok(clock_us() >= us, "monotonic");
	ok(clock_wall_us() > INT64_C(1700000000) * 1000000, "wall_clock_is_of_this_century");
	ok(clock_left_ms(0) == -1, "no_deadline_waits_for_ever");
	ok(clock_left_ms(1) == 0, "past_deadline_does_not_wait");
	ok(clock_left_ms(clock_ms() + 60000) > 50000, "deadline_in_a_minute");
	ok(clock_left_ms(clock_ms() + 60000) <= 60000, "deadline_not_later");
	ok(clock_left_ms(INT64_MAX) == INT_MAX, "far_deadline_fits_poll");
	return tap_done();
}
