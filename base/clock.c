// SPDX-License-Identifier: ISC
/*
 * Time.  The calendar is computed here: gmtime_r() and strftime() of glibc read the zone file and
 * the locale.  Each session is a fresh process and would pay for that.
 */
#include "base/clock.h"

#include <limits.h>
#include <time.h>

#define DAY_S	 86400
#define LAST_S	 INT64_C(253402300799)	/* the end of the year 9999: the formats have four digits */

struct civil {
	unsigned year, month, day, weekday;	/* month 1..12, weekday 0 is Sunday */
	unsigned hour, minute, second;
};

static int64_t
now_us(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_boot_us(void)
{
	return now_us(CLOCK_BOOTTIME);
}

int64_t
clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

/*
 * Split a time in the proleptic Gregorian calendar.  A year starts on 1 March here, so the leap day
 * is its last day.  The lengths of the months then follow one rule: 153 days in 5 months.
 */
static struct civil
civil_from(int64_t unix_s)
{
	uint64_t s = (uint64_t)(unix_s < 0 ? 0 : unix_s > LAST_S ? LAST_S : unix_s);
	unsigned days = (unsigned)(s / DAY_S), rest = (unsigned)(s % DAY_S);
	unsigned since = days + 719468;		/* days since 0000-03-01 */
	unsigned era = since / 146097, in_era = since % 146097;
	unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * in_year + 2) / 153;

	return (struct civil){
		.year = year + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
		.weekday = (days + 4) % 7,	/* 1 January 1970 was a Thursday */
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
	};
}

static void
two_digits(struct buf *b, unsigned v, char after)
{
	buf_chr(b, (char)('0' + v / 10 % 10));
	buf_chr(b, (char)('0' + v % 10));
	if (after)
		buf_chr(b, after);
}

static void
four_digits(struct buf *b, unsigned v, char after)
{
	two_digits(b, v / 100, '\0');
	two_digits(b, v % 100, after);
}

static void
time_of_day(struct buf *b, const struct civil *t)
{
	two_digits(b, t->hour, ':');
	two_digits(b, t->minute, ':');
	two_digits(b, t->second, '\0');
}

void
clock_mail_date(struct buf *b, int64_t unix_s)
{
	static const char weekdays[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil t = civil_from(unix_s);

	buf_add(b, slice_of(&weekdays[(size_t)t.weekday * 3], 3));
	buf_str(b, ", ");
	buf_uint(b, t.day);
	buf_chr(b, ' ');
	buf_add(b, slice_of(&months[((size_t)t.month - 1) * 3], 3));
	buf_chr(b, ' ');
	four_digits(b, t.year, ' ');
	time_of_day(b, &t);
	buf_str(b, " +0000");
}

void
clock_stamp(struct buf *b, int64_t unix_s)
{
	struct civil t = civil_from(unix_s);

	four_digits(b, t.year, '-');
	two_digits(b, t.month, '-');
	two_digits(b, t.day, 'T');
	time_of_day(b, &t);
	buf_chr(b, 'Z');
}

/* Take n digits, a number from min to max, and then the octet `after` unless it is '\0'. */
static bool
take_number(struct slice *s, size_t n, uint64_t min, uint64_t max, char after, int64_t *ret)
{
	uint64_t v;

	if (s->n < n + (after != '\0') || !slice_uint(slice_of(s->p, n), max, &v) || v < min ||
	    (after && ascii_lower(s->p[n]) != ascii_lower(after)))
		return false;
	*s = slice_skip(*s, n + (after != '\0'));
	*ret = (int64_t)v;
	return true;
}

/* Days since 1970 of a date.  Years start in March, as in civil_from(). */
static int64_t
days_from(int64_t year, int64_t month, int64_t day)
{
	const int64_t y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool
take_zone(struct slice s, int64_t *ret_s)
{
	int64_t hour, minute, sign = s.n && s.p[0] == '-' ? -1 : 1;

	*ret_s = 0;
	if (slice_ieq(s, SL("Z")))
		return true;
	if (s.n != sizeof "+00:00" - 1 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	s = slice_skip(s, 1);
	if (!take_number(&s, 2, 0, 23, ':', &hour) || !take_number(&s, 2, 0, 59, '\0', &minute))
		return false;
	*ret_s = sign * (hour * 3600 + minute * 60);
	return true;
}

bool
clock_stamp_parse(struct slice s, int64_t *ret_unix_s)
{
	int64_t year, month, day, hour, minute, second, zone_s;

	if (!take_number(&s, 4, 0, 9999, '-', &year) || !take_number(&s, 2, 1, 12, '-', &month) ||
	    !take_number(&s, 2, 1, 31, 'T', &day) || !take_number(&s, 2, 0, 23, ':', &hour) ||
	    !take_number(&s, 2, 0, 59, ':', &minute) || !take_number(&s, 2, 0, 60, '\0', &second))
		return false;
	if (s.n > 1 && s.p[0] == '.' && s.p[1] >= '0' && s.p[1] <= '9')
		for (s = slice_skip(s, 1); s.n && s.p[0] >= '0' && s.p[0] <= '9';)
			s = slice_skip(s, 1);
	if (!take_zone(s, &zone_s))
		return false;
	*ret_unix_s = days_from(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
	    zone_s;
	return true;
}

int
clock_left_ms(int64_t deadline_ms)
{
	int64_t left;

	if (deadline_ms == 0)
		return -1;
	left = deadline_ms - clock_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
