// SPDX-License-Identifier: ISC
/*
 * The header section of a queued message, read into memory up to a bound, and its fields
 * one by one.  Private to the room.
 */
#ifndef DELIVERY_HEADER_H
#define DELIVERY_HEADER_H

#include "queue.h"

struct header {
	char *space;			/* malloc'ed */
	struct slice text;		/* whole fields, without the empty line behind them */
	bool whole;			/* all of them: the section did not exceed the bound */
};

/* At most max octets of it.  0, or -errno when the file cannot be read. */
int header_read(const struct queue_entry *e, size_t max, struct header *ret);
void header_done(struct header *h);

/* The next field with its folded lines and line ends, taken from rest (RFC 5322 section 2.2.3);
 * false at the end. */
bool header_next(struct slice *rest, struct slice *ret_field);
/* Is it the field of that name?  Any case; *ret_value is what is behind the colon, trimmed, without
 * the last line end. */
bool header_is(struct slice field, struct slice name, struct slice *ret_value);

#endif
