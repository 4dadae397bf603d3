// SPDX-License-Identifier: ISC
/*
 * A notice that is being written, part by part.  Only for notice/bounce*.c.
 */
#ifndef NOTICE_BOUNCE_PARTS_H
#define NOTICE_BOUNCE_PARTS_H

#include "notice/bounce.h"
#include "attempt/original.h"
#include "notice/notice.h"

struct bounce {
	struct notice n;
	const struct config *config;
	struct queue_entry *e;
	const struct bounce_news *news;
	struct header header;
	/* The whole message is returned, not only its header section. */
	bool whole;
	bool utf8;			/* the forms of RFC 6533 */
	bool original_8bit;		/* the returned part holds octets above 127 */
};

/* Add the part for programs (RFC 3464). */
void bounce_status(struct bounce *b);

#endif
