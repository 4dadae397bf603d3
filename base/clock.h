// SPDX-License-Identifier: ISC
/*
 * Time: a monotonic clock for deadlines, the wall clock for dates.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"

/* Monotonic milliseconds and microseconds.  Only differences have a meaning. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Monotonic microseconds that also pass while the machine sleeps. */
int64_t clock_boot_us(void);

/* The wall clock: microseconds since 1970. */
int64_t clock_wall_us(void);

/* The wall clock: seconds since 1970. */
static inline int64_t
clock_wall_s(void)
{
	return clock_wall_us() / 1000000;
}

/* Append "Sun, 22 Nov 2026 05:02:53 +0000" (RFC 5322 section 3.3).  Always UTC: reading the zone
 * file costs a fresh process too much time, and its sandbox forbids it. */
void clock_mail_date(struct buf *b, int64_t unix_s);

/* Append "2026-11-22T05:02:53Z" (RFC 3339 section 5.6). */
void clock_stamp(struct buf *b, int64_t unix_s);

/* Read a date-time in any zone; fractions of a second are dropped.  False if s is not a date-time
 * (RFC 3339 section 5.6). */
bool clock_stamp_parse(struct slice s, int64_t *ret_unix_s);

/* The time left until a monotonic deadline, as a timeout for poll(2).  0 if it has passed; -1 (no
 * timeout) if deadline_ms is 0. */
int clock_left_ms(int64_t deadline_ms);

#endif
