// SPDX-License-Identifier: ISC
/*
 * Replies: a server's, to be sent, and the parser of a peer's (RFC 5321 section 4.2, RFC 2034).
 * Pure.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

/* The step after a reply.  A SMTP_NEXT_CHECK_* is a question in place of a reply: the answer goes
 * to server_decide(), which has the reply. */
enum smtp_next {
	SMTP_NEXT_COMMAND,		/* send the reply, read the next command */
	SMTP_NEXT_CHECK_MAIL,		/* may this sender send? */
	SMTP_NEXT_CHECK_RCPT,		/* is this recipient accepted? */
	SMTP_NEXT_CHECK_VRFY,		/* is there such an address? */
	SMTP_NEXT_CHECK_DATA,		/* can a message be stored now? */
	SMTP_NEXT_CHECK_STARTTLS,	/* is there a usable certificate? */
	SMTP_NEXT_CHECK_AUTH,		/* are name and password in server->auth right? */
	SMTP_NEXT_CHECK_XCLIENT,	/* then server_proxied(): s->xclient names the client */
	SMTP_NEXT_STARTTLS,		/* send the reply, begin TLS with a new session */
	SMTP_NEXT_DATA,			/* send the reply, read the message up to the dot */
	SMTP_NEXT_CHUNK,		/* store s->chunk octets, then server_end_of_chunk() */
	SMTP_NEXT_DISCARD,		/* discard s->chunk octets, then send the reply */
	SMTP_NEXT_CLOSE,		/* send the reply and close */
};

/*
 * text has one or more lines without code and CRLF, separated by '\n'.  Each begins with its
 * enhanced code if it has one.  It is borrowed: a literal, or room of the session until the next
 * command.
 */
struct smtp_reply {
	int code;
	struct slice text;
	enum smtp_next next;
};

#define SMTP_REPLY_LINE 512	/* octets with CRLF (RFC 5321 section 4.5.3.1.5) */

/* Add the reply to b as it is sent: "250-...\r\n250 ...\r\n".  Longer lines are cut. */
void smtp_reply_format(struct buf *b, const struct smtp_reply *r);

/*
 * A peer's reply, line by line (RFC 5321 sections 4.2 and 4.2.1).  It is malformed if a line has no
 * code from 200 to 599, if the code changes, or if the lines do not end.  No limit is set by RFC
 * 5321; filters send hundreds of lines.
 */
#define SMTP_PEER_TEXT   2048
#define SMTP_PEER_LINES  1000
#define SMTP_PEER_OCTETS 131072	/* of all lines, with CRLF */

struct smtp_peer_reply {
	int code;			/* 0 before the first line */
	unsigned lines;
	size_t octets;			/* of all lines */
	bool malformed;
	bool endless;			/* then for that: too many lines, or octets */
	/* The lines joined by '\n': printable ASCII and UTF-8 only.  A line that does not fit is
	 * dropped; the first line is cut. */
	struct buf text;
	char space[SMTP_PEER_TEXT];
};

void smtp_peer_reply_init(struct smtp_peer_reply *r);
void smtp_peer_reply_copy(struct smtp_peer_reply *to, const struct smtp_peer_reply *from);
/* Take a line without its CRLF.  True after the last line of the reply, and after a malformed
 * line: nobody knows where the next reply begins. */
bool smtp_peer_reply_line(struct smtp_peer_reply *r, struct slice line);
/* Add the text of a line that belongs to a reply to b, as the reply keeps it. */
void smtp_peer_reply_text(struct buf *b, struct slice line);
/* The enhanced status code at the start of the text ("4.7.1"), or empty.  Its class equals the
 * first digit of the code (RFC 2034 section 4). */
struct slice smtp_peer_reply_status(const struct smtp_peer_reply *r);
/* After an accepted recipient, 452 means "not so many at once"; some servers use 552 (RFC 5321
 * section 4.5.3.1.10), or any code with the status or the words of that. */
bool smtp_peer_reply_too_many(const struct smtp_peer_reply *r);

#endif
