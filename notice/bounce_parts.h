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

/* "Name: date". */
void bounce_date(struct bounce *b, const char *name, int64_t unix_s);
/* The boundary, the fields in front of a part, and the empty line behind them. */
void bounce_part(struct bounce *b, const char *type, const char *description, bool eight_bit);

/* bounce_text.c: the part for people. */
void bounce_text(struct bounce *b);
/* bounce_status.c: the part for programs. */
void bounce_status(struct bounce *b);

#endif
