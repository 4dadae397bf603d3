// SPDX-License-Identifier: ISC
/*
 * A message that the system itself writes into the queue, from <>: line by line, with
 * the facts about its content kept on the way.  Private to the room.
 */
#ifndef NOTICE_NOTICE_H
#define NOTICE_NOTICE_H

#include "message/facts.h"
#include "queue/run.h"

struct notice {
	const struct queue *queue;
	bool utf8;			/* as given to notice_begin() */
	struct facts facts;
	int error;			/* sticky */
	struct queue_message message;
};

struct notice_envelope {
	struct slice to;
	bool utf8;			/* addresses in UTF-8: SMTPUTF8 (RFC 6531) */
	bool requiretls;		/* not to go in clear (RFC 8689 section 5) */
};

/* To one recipient, from <>, and nobody is to be told of what becomes of it (RFC 3461 section 6.1). */
void notice_begin(struct notice *n, const struct queue *q, const struct notice_envelope *envelope);
/* A line of ours; anything in it that is not printable ASCII, or UTF-8 where that may be, becomes '?', and CRLF is added. */
__attribute__((format(printf, 2, 3))) void notice_line(struct notice *n, const char *format, ...);
void notice_blank(struct notice *n);
/* A line "Name: date" (RFC 5322 section 3.3). */
void notice_date(struct notice *n, const char *name, int64_t unix_s);
/* The boundary, the fields of a MIME part, and the empty line after them.  The boundary is made of the queue ID. */
void notice_part(struct notice *n, const char *type, const char *description, bool eight_bit);
/* The boundary behind the last part. */
void notice_last_part(struct notice *n);
/* Octets as they are: another message's, whole lines or not. */
void notice_raw(struct notice *n, struct slice octets);
/* The content of e.  0 or -errno. */
int notice_copy(struct notice *n, const struct queue_entry *e);
/* Durable and visible: 0, or -errno, and then nothing is there. */
int notice_commit(struct notice *n);
void notice_done(struct notice *n);

#endif
