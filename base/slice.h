// SPDX-License-Identifier: ISC
/*
 * Borrowed bytes.  A slice points into memory of another owner, may hold NUL and is never freed.
 * All functions are pure and small enough for a header.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice of a string literal, as an initializer and as an expression. */
#define S(lit)  { "" lit, sizeof(lit) - 1 }
#define SL(lit) ((struct slice)S(lit))

static inline struct slice
slice_of(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

static inline struct slice
slice_str(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The order of octets: negative, 0, or positive. */
static inline int
slice_compare(struct slice a, struct slice b)
{
	const size_t n = a.n < b.n ? a.n : b.n;
	const int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* ASCII only, whatever the locale is: for words of a protocol, never for UTF-8. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool
slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

static inline bool
slice_has_prefix(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_of(s.p, prefix.n), prefix);
}

static inline bool
slice_has_iprefix(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_ieq(slice_of(s.p, prefix.n), prefix);
}

/* s without its first n bytes, or empty. */
static inline struct slice
slice_skip(struct slice s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return slice_of(n ? s.p + n : s.p, s.n - n);
}

/* The part of s before the first c; *ret_rest gets the part behind it.  If there is no c: s, and an
 * empty rest. */
static inline struct slice
slice_cut(struct slice s, char c, struct slice *ret_rest)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	if (!at) {
		*ret_rest = slice_of(s.n ? s.p + s.n : s.p, 0);
		return s;
	}
	*ret_rest = slice_skip(s, (size_t)(at - s.p) + 1);
	return slice_of(s.p, (size_t)(at - s.p));
}

static inline bool
ascii_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* s without blanks (space, tab) at either end. */
static inline struct slice
slice_trim(struct slice s)
{
	while (s.n && ascii_blank(s.p[0]))
		s = slice_skip(s, 1);
	while (s.n && ascii_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static inline bool
slice_is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return false;
	return true;
}

/* Does it hold a control character of ASCII?  A tab does not count. */
static inline bool
slice_has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Read decimal digits, without sign and blanks.  False if s is empty, has another character, or the
 * number is above max. */
static inline bool
slice_uint(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || v > max / 10 || v * 10 > max - digit)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

#endif
