// SPDX-License-Identifier: ISC
/*
 * The extensions that a server announces in its EHLO reply (RFC 5321 section 4.1.1.1), and the
 * commands MAIL and RCPT for that server.  Pure.
 */
#ifndef SMTP_CLIENT_OFFER_H
#define SMTP_CLIENT_OFFER_H

#include "smtp/extension.h"

/* LIMITS (RFC 9422); 0: no limit is announced. */
struct smtp_limits {
	unsigned mail_max;		/* transactions in a session */
	unsigned rcpt_max;		/* recipients in a transaction */
	unsigned rcpt_domain_max;	/* domains of recipients in a session */
};

struct client_offer {
	bool esmtp;			/* the reply was to EHLO */
	bool offers[SMTP_EXTENSIONS];
	unsigned mechanisms;		/* of AUTH: enum client_auth_mechanism, or'ed */
	uint64_t max_size;		/* of SIZE; 0: none */
	uint64_t min_by;		/* the least time of DELIVERBY, in seconds; 0: none */
	struct smtp_limits limits;
	/* Keywords that do not count, in memory of the caller; set after client_offer_init(). */
	struct slice ignore;
};

void client_offer_init(struct client_offer *o);

/* Read the text of a line of an EHLO reply, but the first, which has the server's name.  Unknown
 * keywords and malformed arguments do not count. */
void client_offer_line(struct client_offer *o, struct slice line);
/* The reply to EHLO has ended. */
void client_offer_end(struct client_offer *o);

/* Read the text of a whole EHLO reply: its lines, joined by '\n'. */
void client_offer_ehlo(struct client_offer *o, struct slice text);

#define CLIENT_COMMAND_MAX 8192		/* octets of MAIL or RCPT */

/*
 * Add "MAIL FROM:<path> PARAMS\r\n" to b.  The parameters are those of the envelope whose extension
 * the server announces; SIZE and BODY come from size and body (RFC 5321 section 4.1.1.3).
 */
void client_mail(struct buf *b, const struct client_offer *o, struct slice path,
    struct slice params, uint64_t size, enum smtp_body body);
/* Add "RCPT TO:<path> PARAMS\r\n", with the parameters that o allows. */
void client_rcpt(struct buf *b, const struct client_offer *o, struct slice path,
    struct slice params);

#endif
