// SPDX-License-Identifier: ISC
/*
 * A notice that is being written, part by part.  Private to notice/bounce and its parts.
 */
#ifndef NOTICE_BOUNCE_PARTS_H
#define NOTICE_BOUNCE_PARTS_H

#include "notice/bounce.h"
#include "notice/original.h"
#include "notice/notice.h"

struct bounce {
	struct notice n;
	const struct config *config;
	struct queue_entry *e;
	const struct bounce_news *news;
	struct header header;
	bool whole;			/* the message is returned, not its header alone */
	bool utf8;			/* the forms of RFC 6533 */
	bool original_8bit;		/* what is returned holds octets above 127 */
};

/* Add the part for programs. */
void bounce_status(struct bounce *b);

#endif
