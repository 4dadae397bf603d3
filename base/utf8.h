// SPDX-License-Identifier: ISC
/*
 * UTF-8 (RFC 3629), as far as showing text safely needs it.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* The character at the start of s and how many octets it has; 0 where there is no valid one. */
size_t utf8_decode(struct slice s, uint32_t *ret);

/* Octets of the character at the start of s.  0 where there is no valid one, and for what a terminal or a
 * log viewer would obey instead of show: control characters, line and paragraph separators, and those
 * that reorder text. */
size_t utf8_printable(struct slice s);

/* Is all of it UTF-8, whatever the characters? */
bool utf8_valid(struct slice s);

#endif
