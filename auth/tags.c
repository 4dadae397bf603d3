// SPDX-License-Identifier: ISC
/*
 * A tag is at most found in a list with few of them: lists are read anew for each.
 */
#include "auth/tags.h"

#define TAGS_MAX 64		/* of one list */

static bool
is_space(char c)
{
	return ascii_blank(c) || c == '\r' || c == '\n';
}

struct slice
tags_trim(struct slice s)
{
	while (s.n && is_space(s.p[0]))
		s = slice_skip(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(i && ((c >= '0' && c <= '9') || c == '_')))
			return false;
	}
	return s.n > 0;
}

int
tags_next(struct slice *rest, struct tag *ret)
{
	struct slice one;

	if (tags_trim(*rest).n == 0)
		return 0;
	one = slice_cut(*rest, ';', rest);
	ret->name = tags_trim(slice_cut(one, '=', &ret->whole));
	ret->value = tags_trim(ret->whole);
	return is_name(ret->name) && memchr(one.p, '=', one.n) ? 1 : -1;
}

bool
tags_valid(struct slice list)
{
	struct slice names[TAGS_MAX];
	struct tag t;
	size_t n = 0;
	int r;

	while ((r = tags_next(&list, &t)) > 0) {
		for (size_t i = 0; i < n; i++)
			if (slice_eq(names[i], t.name))
				return false;
		if (n == TAGS_MAX)
			return false;
		names[n++] = t.name;
	}
	return r == 0 && n;
}

struct slice
tags_find(struct slice list, struct slice name)
{
	struct tag t;

	while (tags_next(&list, &t) > 0)
		if (slice_eq(t.name, name))
			return t.value;
	return slice_of(NULL, 0);
}

bool
tags_word(struct slice *rest, char between, struct slice *ret)
{
	if (rest->n == 0)
		return false;
	*ret = tags_trim(slice_cut(*rest, between, rest));
	return true;
}

bool
tags_has_word(struct slice list, char between, struct slice word)
{
	struct slice one;

	while (tags_word(&list, between, &one))
		if (slice_ieq(one, word))
			return true;
	return false;
}
