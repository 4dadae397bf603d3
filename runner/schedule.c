// SPDX-License-Identifier: ISC
/*
 * Reads the times that the sender asked for in the envelope; the server has checked their values.
 */
#include "runner/schedule.h"

#include <sys/random.h>

#include "base/clock.h"
#include "smtp/extension.h"
#include "smtp/param.h"

#define SHARE_S 60		/* messages of one minute wait in one folder */

int64_t
schedule_release_s(const struct queue_entry *e)
{
	const int64_t arrived_s = e->arrived_us / 1000000, latest_s = arrived_s + SMTP_HOLD_MAX_S;
	const struct slice until = smtp_param_value(e->from_params, SL("HOLDUNTIL"));
	int64_t until_s;
	uint64_t seconds;

	/* The message is due at the start of a second, and the hold is over by then. */
	if (slice_uint(smtp_param_value(e->from_params, SL("HOLDFOR")), SMTP_HOLD_MAX_S, &seconds))
		return (e->arrived_us + 999999) / 1000000 + (int64_t)seconds;
	if (!until.n || !clock_stamp_parse(until, &until_s) || until_s < arrived_s)
		return arrived_s;
	return until_s < latest_s ? until_s : latest_s;
}

int64_t
schedule_postpone_s(int64_t arrived_s, int64_t release_s, const struct deadline *d,
    int64_t now_s)
{
	int64_t until_s = release_s;

	/* The clock was ahead when the message arrived.  Nobody has asked to wait for that time. */
	if (release_s <= arrived_s)
		return 0;
	if (d->give_back && d->at_s < until_s)
		until_s = d->at_s;
	/* A longer time than is possible was made by a clock that was wrong. */
	return until_s <= now_s || until_s - now_s > SMTP_HOLD_MAX_S ? 0 : until_s;
}

/* Rounds up to a time that other messages share: to a minute, to less after a short delay. */
static int64_t
shared_due_s(int64_t now_s, int64_t delay_s)
{
	int64_t step_s = delay_s < 4 * SHARE_S ? 1 + delay_s / 4 : SHARE_S;

	return (now_s + delay_s + step_s - 1) / step_s * step_s;
}

/* Seconds from one attempt to the next, after this many deferrals. */
static uint64_t
delay_after(const struct config *c, unsigned attempts)
{
	uint64_t delay_s = c->queue.retry_min_s;

	for (unsigned i = 0; i < attempts && delay_s < c->queue.retry_max_s; i++)
		delay_s *= 2;
	return delay_s < c->queue.retry_max_s ? delay_s : c->queue.retry_max_s;
}

unsigned
schedule_attempts(const struct config *c, unsigned most)
{
	uint64_t at_s = 0;
	unsigned n = 0;

	for (; n < most && at_s < c->queue.lifetime_s; n++)
		at_s += delay_after(c, n);
	return n;
}

int64_t
schedule_retry_s(const struct config *c, unsigned attempts, int64_t now_s)
{
	uint64_t delay_s = delay_after(c, attempts), jitter = 0, tenth_s;

	/* Messages that failed together must not come back together. */
	(void)!getrandom(&jitter, sizeof jitter, 0);
	tenth_s = delay_s / 10;
	delay_s += jitter % (2 * tenth_s + 1) - tenth_s;
	/* From the next second on: the one that has begun is no whole one, and retry-min is. */
	return shared_due_s(now_s + 1, (int64_t)delay_s);
}
