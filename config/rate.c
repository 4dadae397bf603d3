// SPDX-License-Identifier: ISC
/*
 * The name of a user may have "=", so the last one of a word separates.
 */
#include "config/rate.h"

#include <string.h>

#include "base/words.h"

#define RATE_MAX    1000000
#define TIME_MIN_MS 1000
#define TIME_MAX_MS (86400 * 1000)

bool
rate_parse(struct slice text, struct rate_value *ret)
{
	struct slice time, count = slice_cut(text, '/', &time);
	struct rate_value v;

	if (!slice_uint(count, RATE_MAX, &v.n) || v.n == 0 || !words_duration_ms(time, &v.ms) ||
	    v.ms < TIME_MIN_MS || v.ms > TIME_MAX_MS)
		return false;
	*ret = v;
	return true;
}

int
rate_next(struct slice *rest, struct rate_word *ret)
{
	struct slice rate;
	const char *sign;

	*ret = (struct rate_word){ .text = words_next(rest) };
	if (ret->text.n == 0)
		return 0;
	rate = ret->text;
	sign = memrchr(rate.p, '=', rate.n);
	if (sign) {
		ret->user = slice_of(rate.p, (size_t)(sign - rate.p));
		rate = slice_skip(rate, ret->user.n + 1);
		if (ret->user.n == 0)
			return -1;
		if (slice_eq(rate, SL("any")))
			return 1;
	}
	return rate_parse(rate, &ret->rate) ? 1 : -1;
}

struct rate_value
rate_of_user(struct slice value, struct slice user)
{
	struct rate_value others = { 0 };
	struct rate_word word;

	while (rate_next(&value, &word) > 0) {
		if (word.user.n && slice_eq(word.user, user))
			return word.rate;
		if (word.user.n == 0)
			others = word.rate;
	}
	return others;
}
