// SPDX-License-Identifier: ISC
/*
 * Time: a monotonic clock for deadlines, the wall clock for people.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"

/* Monotonic, milliseconds and microseconds; only differences mean something. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Wall clock, microseconds since 1970. */
int64_t clock_wall_us(void);

/* The same in seconds. */
static inline int64_t
clock_wall_s(void)
{
	return clock_wall_us() / 1000000;
}

/* "Sun, 22 Nov 2026 05:02:53 +0000" (RFC 5322 section 3.3).  Always UTC: a fresh
 * process per connection has no time for the zone file, and its sandbox no access. */
void clock_mail_date(struct buf *b, int64_t unix_s);

/* "2026-11-22T05:02:53Z" (RFC 3339). */
void clock_stamp(struct buf *b, int64_t unix_s);

/* The other way: a date-time of RFC 3339 section 5.6, in any zone; fractions of a second are cut off.  False when s is none. */
bool clock_stamp_parse(struct slice s, int64_t *ret_unix_s);

/* What is left until a monotonic deadline, for poll(2): 0 when it has passed,
 * -1 when deadline_ms is 0, which means none. */
int clock_left_ms(int64_t deadline_ms);

#endif
