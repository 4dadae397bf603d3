// SPDX-License-Identifier: ISC
/*
 * Checks of a plain struct that another process has filled in.  A value is used only after its
 * check: any octets may be there.
 */
#ifndef BASE_FOREIGN_H
#define BASE_FOREIGN_H

#include "base/slice.h"

/* Is it a bool?  Another octet than 0 and 1 must not be read as one. */
static inline bool
foreign_bool(const bool *b)
{
	unsigned char octet;

	memcpy(&octet, b, sizeof octet);
	return octet <= 1;
}

/* Does the array hold one line of text: a string with its end, without control characters? */
static inline bool
foreign_line(const char *text, size_t size)
{
	const size_t n = strnlen(text, size);

	return n < size && !slice_has_control(slice_of(text, n));
}

#endif
