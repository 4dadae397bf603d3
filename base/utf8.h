// SPDX-License-Identifier: ISC
/*
 * UTF-8, as far as it is needed to show text safely (RFC 3629).
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Decode the character at the start of s.  Returns its length in octets; 0 if there is no valid
 * one. */
size_t utf8_decode(struct slice s, uint32_t *ret);

size_t utf8_printable_rare(struct slice s);

/* The length of the character at the start of s, if it may be shown.  0 if it is not valid, or if a
 * terminal would obey it and not show it.  Those are control characters, line and paragraph
 * separators, and characters that reorder text. */
static inline size_t
utf8_printable(struct slice s)
{
	return s.n && s.p[0] >= ' ' && s.p[0] < 0x7f ? 1 : utf8_printable_rare(s);
}

/* Replace by '?' each octet of p that belongs to no character that may be shown. */
void utf8_clean(char *p, size_t n);

/* Is all of s valid UTF-8?  Any character is allowed. */
bool utf8_valid(struct slice s);

#endif
