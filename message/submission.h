// SPDX-License-Identifier: ISC
/*
 * Additions of a submission server to a message (RFC 6409 section 8).  They are a missing Date and
 * Message-ID, and the domain of addresses that lack it; the senders may get other addresses.  Pure;
 * holds the header section until it is whole, and no more than that.
 */
#ifndef MESSAGE_SUBMISSION_H
#define MESSAGE_SUBMISSION_H

#include "base/buf.h"
#include "message/field.h"
#include "message/qualify.h"

#define SUBMISSION_HEADER_MAX (256 * 1024)	/* a longer header section does not change */

struct submission {
	struct slice hostname;		/* for the Message-ID, and the domain that is added */
	struct slice id;		/* the queue ID of the message */
	int64_t time_s;
	qualify_replace *replace;	/* of the senders; NULL: none */
	qualify_put *put;		/* takes the content */
	void *ctx;
	bool passing;			/* the header section is over, or too long */
	struct field_walk fields;
	struct buf header;
	char space[SUBMISSION_HEADER_MAX];
};

/* hostname and id are borrowed until submission_end().  The caller may set s->replace then. */
void submission_begin(struct submission *s, struct slice hostname, struct slice id, int64_t time_s,
    qualify_put *put, void *ctx);
void submission_content(struct submission *s, struct slice octets);
void submission_end(struct submission *s);

#endif
