// SPDX-License-Identifier: ISC
/*
 * Replies (RFC 5321 section 4.2, RFC 2034): the server's, to be sent, and the
 * parser of a peer's.  Pure: no I/O, no clock, no allocation.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

/* What the main has to do once the reply is out (or, for the SMTP_CHECK_*, to find out before). */
enum smtp_next {
	SMTP_NEXT_COMMAND,	/* send the reply, read the next command */
	SMTP_NEXT_CHECK_MAIL,	/* no reply yet: ask the policy, then server_decide() */
	SMTP_NEXT_CHECK_RCPT,	/* the same for a recipient */
	SMTP_NEXT_CHECK_VRFY,	/* the same for an address to verify */
	SMTP_NEXT_CHECK_DATA,	/* the same for DATA: can a message be stored now? */
	SMTP_NEXT_CHECK_STARTTLS,	/* the same for STARTTLS: is there a certificate? */
	SMTP_NEXT_CHECK_AUTH,	/* the same for the name and the password in server->auth */
	SMTP_NEXT_STARTTLS,	/* send 220, then begin TLS: what was before is to be forgotten */
	SMTP_NEXT_DATA,		/* send 354, then read the message up to the dot */
	SMTP_NEXT_CHUNK,	/* no reply yet: store what BDAT announced (s->chunk octets), then server_end_of_chunk() */
	SMTP_NEXT_DISCARD,	/* throw as many octets away, then send the reply */
	SMTP_NEXT_CLOSE,	/* send the reply and close */
};

/* text: one or more lines without code and without CRLF, separated by '\n'; each already begins with its
 * enhanced code where one belongs.  Borrowed: a literal, or the session's buffer until the next command. */
struct smtp_reply {
	int code;
	struct slice text;
	enum smtp_next next;
};

#define SMTP_REPLY_LINE 512	/* RFC 5321 section 4.5.3.1.5, with CRLF */

/* The wire form: "250-...\r\n250 ...\r\n", each line cut to 512 octets. */
void smtp_reply_format(struct buf *b, const struct smtp_reply *r);

/*
 * A peer's reply, line by line (RFC 5321 section 4.2, 4.2.1).  Codes out of 200..599, a change of code
 * between lines, garbage, or lines without end make it malformed.
 */
#define SMTP_PEER_TEXT  2048
#define SMTP_PEER_LINES 200

struct smtp_peer_reply {
	int code;			/* 0 until the first line */
	unsigned lines;
	bool malformed;
	struct buf text;		/* lines joined by '\n', printable ASCII and UTF-8 only; what does not fit is dropped
					 * by whole lines, and the first line is cut */
	char space[SMTP_PEER_TEXT];
};

void smtp_peer_reply_init(struct smtp_peer_reply *r);
/* Feed a line without its CRLF; true when it was the last of the reply, or one after which the next reply cannot be
 * told from this one: then it is malformed too. */
bool smtp_peer_reply_line(struct smtp_peer_reply *r, struct slice line);
/* The enhanced status code the text begins with ("4.7.1"), or empty (RFC 2034 section 4); its class must
 * equal the code's first digit. */
struct slice smtp_peer_reply_status(const struct smtp_peer_reply *r);

#endif
