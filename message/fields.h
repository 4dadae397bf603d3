// SPDX-License-Identifier: ISC
/*
 * The fields of a header section, one by one (RFC 5322 section 2.2).  Pure.
 */
#ifndef MESSAGE_FIELDS_H
#define MESSAGE_FIELDS_H

#include "base/slice.h"

/* The next field with its folded lines and line ends, taken from rest (section 2.2.3); false at the end. */
bool field_next(struct slice *rest, struct slice *ret_field);

/* Is it the field of that name?  Any case; *ret_value is what is behind the colon, trimmed, without
 * the last line end. */
bool field_is(struct slice field, struct slice name, struct slice *ret_value);

/* The line that s begins with, with its line end. */
struct slice field_line(struct slice s);

/* Is it the one that ends the section? */
bool field_ends(struct slice line);

#endif
