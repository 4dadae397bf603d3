// SPDX-License-Identifier: ISC
/*
 * Reads HOLDFOR and HOLDUNTIL of the envelope; the server has checked them.  Pure.  Called by message.c, which lets the
 * message wait, and by settle.c, as its lifetime begins then.
 */
#include "runner/hold.h"

#include "base/clock.h"
#include "smtp/param.h"
#include "smtp/extension.h"

int64_t
hold_until(const struct queue_entry *e)
{
	const int64_t arrived_s = e->arrived_us / 1000000, latest_s = arrived_s + SMTP_HOLD_MAX_S;
	const struct slice until = smtp_param_value(e->from_params, SL("HOLDUNTIL"));
	int64_t until_s;
	uint64_t seconds;

	if (slice_uint(smtp_param_value(e->from_params, SL("HOLDFOR")), SMTP_HOLD_MAX_S, &seconds))
		return arrived_s + (int64_t)seconds;
	if (!until.n || !clock_stamp_parse(until, &until_s) || until_s < arrived_s)
		return arrived_s;
	return until_s < latest_s ? until_s : latest_s;
}
