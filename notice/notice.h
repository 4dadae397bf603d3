// SPDX-License-Identifier: ISC
/*
 * A message that the system itself writes to the queue.  It is written line by line, and the facts
 * of its content are collected meanwhile.
 */
#ifndef NOTICE_NOTICE_H
#define NOTICE_NOTICE_H

#include "message/facts.h"
#include "queue/run.h"

/* A longer address does not fit into a line (RFC 5322 section 2.1.1). */
#define NOTICE_ADDRESS_MAX 960

struct notice {
	const struct queue *queue;
	bool utf8;			/* as given to notice_begin() */
	struct facts facts;
	int error;			/* the first error; it sticks */
	struct queue_message message;
};

struct notice_envelope {
	struct slice from, to;		/* from may be empty: <> */
	const char *protocol;		/* of the envelope; NULL: "bounce" */
	bool utf8;			/* addresses in UTF-8: SMTPUTF8 (RFC 6531) */
	bool requiretls;		/* must not be sent in clear (RFC 8689 section 5) */
};

/* Start a message to one recipient.  No notice about it is requested (RFC 3461 section 6.1). */
void notice_begin(struct notice *n, const struct queue *q, const struct notice_envelope *envelope);

/* Add a line and CRLF.  Characters other than printable ASCII become '?'; with utf8, printable
 * UTF-8 stays. */
__attribute__((format(printf, 2, 3))) void notice_line(struct notice *n, const char *format, ...);

/* Add an empty line. */
void notice_blank(struct notice *n);

/* Add a line "Name: date" (RFC 5322 section 3.3). */
void notice_date(struct notice *n, const char *name, int64_t unix_s);

/* Add the boundary, the fields of a MIME part, and an empty line.  The boundary is made of the
 * queue ID. */
void notice_part(struct notice *n, const char *type, const char *description, bool eight_bit);

/* Add the boundary after the last part. */
void notice_last_part(struct notice *n);

/* Add octets of another message unchanged, whole lines or not. */
void notice_raw(struct notice *n, struct slice octets);

/* Add the content of e.  0 or -errno. */
int notice_copy(struct notice *n, const struct queue_entry *e);

/* Make the message durable and visible.  0; or -errno, and then nothing is left. */
int notice_commit(struct notice *n);

/* Drop the message if it was not committed. */
void notice_done(struct notice *n);

#endif
