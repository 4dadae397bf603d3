// SPDX-License-Identifier: ISC
/*
 * Durations, sizes and lists of the configuration.  Pure.
 */
#include "base/words.h"

struct unit {
	struct slice name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ S("ms"), 1 },
	{ S("s"), 1000 },
	{ S(""), 1000 },
	{ S("min"), UINT64_C(60) * 1000 },
	{ S("h"), UINT64_C(3600) * 1000 },
	{ S("d"), UINT64_C(24) * 3600 * 1000 },
};

static const struct unit sizes[] = {
	{ S(""), 1 },
	{ S("K"), UINT64_C(1) << 10 },
	{ S("M"), UINT64_C(1) << 20 },
	{ S("G"), UINT64_C(1) << 30 },
	{ S("T"), UINT64_C(1) << 40 },
};

static size_t
count_digits(struct slice text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	return n;
}

static bool
parse_scaled(struct slice text, const struct unit *units, size_t nunits, bool any_case,
    uint64_t *ret)
{
	size_t n = count_digits(text);
	struct slice name = slice_trim(slice_skip(text, n));
	uint64_t v;

	for (size_t i = 0; i < nunits; i++) {
		if (!(any_case ? slice_ieq(name, units[i].name) : slice_eq(name, units[i].name)))
			continue;
		if (!slice_uint(slice_of(text.p, n), UINT64_MAX / units[i].factor, &v))
			return false;
		*ret = v * units[i].factor;
		return true;
	}
	return false;
}

bool
words_duration_ms(struct slice text, uint64_t *ret_ms)
{
	return parse_scaled(text, durations, sizeof durations / sizeof durations[0], false, ret_ms);
}

bool
words_size(struct slice text, uint64_t *ret_octets)
{
	return parse_scaled(text, sizes, sizeof sizes / sizeof sizes[0], true, ret_octets);
}

struct slice
words_next(struct slice *list)
{
	struct slice word;
	size_t n = 0;

	*list = slice_trim(*list);
	while (n < list->n && !ascii_blank(list->p[n]))
		n++;
	word = slice_of(list->p, n);
	*list = slice_skip(*list, n);
	return word;
}
