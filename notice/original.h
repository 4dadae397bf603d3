// SPDX-License-Identifier: ISC
/*
 * The header section of a queued message, read into memory up to a bound.  Private to the room.
 */
#ifndef NOTICE_ORIGINAL_H
#define NOTICE_ORIGINAL_H

#include "message/field.h"
#include "queue/run.h"

struct header {
	char *space;			/* malloc'ed */
	struct slice text;		/* whole fields, without the empty line behind them */
	bool whole;			/* all of them: the section did not exceed the bound */
};

/* At most max octets of it.  0, or -errno when the file cannot be read. */
int header_read(const struct queue_entry *e, size_t max, struct header *ret);
void header_done(struct header *h);

#endif
