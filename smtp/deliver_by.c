// SPDX-License-Identifier: ISC
/*
 * The only parser and writer of BY.
 */
#include "smtp/deliver_by.h"

#include "smtp/param.h"

#define DIGITS_MAX 9

static const struct slice keyword = S("BY");

static bool
take_mode(struct slice mode, struct smtp_by *by)
{
	if (mode.n == 0 || mode.n > 2)
		return false;
	if (mode.n == 2 && ascii_lower(mode.p[1]) != 't')
		return false;
	by->trace = mode.n == 2;
	by->give_back = ascii_lower(mode.p[0]) == 'r';
	return by->give_back || ascii_lower(mode.p[0]) == 'n';
}

bool
smtp_by_parse(struct slice value, struct smtp_by *ret)
{
	struct slice mode, time = slice_cut(value, ';', &mode);
	struct smtp_by by = { 0 };
	const bool minus = slice_has_prefix(time, SL("-"));
	const bool sign = minus || slice_has_prefix(time, SL("+"));
	uint64_t seconds;

	if (sign)
		time = slice_skip(time, 1);
	if (time.n > DIGITS_MAX || !slice_uint(time, (uint64_t)SMTP_BY_MAX_S, &seconds) ||
	    !take_mode(mode, &by))
		return false;
	by.seconds = minus ? -(int64_t)seconds : (int64_t)seconds;
	if (by.give_back && by.seconds <= 0)
		return false;
	*ret = by;
	return true;
}

bool
smtp_by_of(struct slice mail_params, struct smtp_by *ret)
{
	return smtp_by_parse(smtp_param_value(mail_params, keyword), ret);
}

void
smtp_by_pass(struct smtp_by *by, int64_t seconds)
{
	by->seconds -= seconds;
	if (by->give_back && by->seconds < 1)
		by->seconds = 1;
}

void
smtp_by_put(struct buf *b, const struct smtp_by *by)
{
	int64_t seconds = by->seconds;

	if (seconds > SMTP_BY_MAX_S)
		seconds = SMTP_BY_MAX_S;
	if (seconds < -SMTP_BY_MAX_S)
		seconds = -SMTP_BY_MAX_S;
	if (seconds < 0)
		buf_chr(b, '-');
	buf_uint(b, (uint64_t)(seconds < 0 ? -seconds : seconds));
	buf_str(b, by->give_back ? ";R" : ";N");
	buf_str(b, by->trace ? "T" : "");
}

void
smtp_by_replace(struct buf *b, struct slice mail_params, const struct smtp_by *by)
{
	struct smtp_param param;

	while (smtp_param_take(&mail_params, &param) == SMTP_PARAM_TAKEN) {
		if (!slice_ieq(param.keyword, keyword)) {
			smtp_param_add(b, param.whole, slice_of(NULL, 0));
		} else if (by) {
			smtp_param_add(b, keyword, SL(""));
			smtp_by_put(b, by);
		}
	}
}
