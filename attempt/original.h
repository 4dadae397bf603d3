// SPDX-License-Identifier: ISC
/*
 * The header section of a queued message, read into memory up to a limit.
 */
#ifndef ATTEMPT_ORIGINAL_H
#define ATTEMPT_ORIGINAL_H

#include "message/field.h"
#include "queue/run.h"

struct header {
	char *space;			/* malloc'ed */
	struct slice text;		/* whole fields, without the empty line after them */
	bool whole;			/* the section is complete: it did not exceed the limit */
};

/* Read at most max octets of the section.  header_done() must follow a success.  0, or -errno if
 * the file cannot be read. */
int header_read(const struct queue_entry *e, size_t max, struct header *ret);

/* Free the text. */
void header_done(struct header *h);

#endif
