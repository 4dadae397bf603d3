// SPDX-License-Identifier: ISC
/*
 * Reading a header section where it is.  Must not change it, nor know what its fields mean.
 */
#include "message/fields.h"

struct slice
field_line(struct slice s)
{
	const char *lf = s.n ? memchr(s.p, '\n', s.n) : NULL;

	return lf ? slice_of(s.p, (size_t)(lf - s.p) + 1) : s;
}

bool
field_ends(struct slice line)
{
	return slice_eq(line, SL("\r\n")) || slice_eq(line, SL("\n"));
}

bool
field_next(struct slice *rest, struct slice *ret_field)
{
	struct slice after = *rest;
	size_t n = 0;

	if (!rest->n)
		return false;
	do {
		size_t line = field_line(after).n;

		n += line;
		after = slice_skip(after, line);
	} while (after.n && ascii_blank(after.p[0]));
	*ret_field = slice_of(rest->p, n);
	*rest = after;
	return true;
}

bool
field_is(struct slice field, struct slice name, struct slice *ret_value)
{
	struct slice value, before = slice_cut(field, ':', &value);

	if (before.n == field.n || !slice_ieq(slice_trim(before), name))
		return false;
	while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
		value.n--;
	*ret_value = slice_trim(value);
	return true;
}
