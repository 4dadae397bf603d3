// SPDX-License-Identifier: ISC
/*
 * What a client must know of its server: the extensions of the EHLO reply (RFC 5321
 * section 4.1.1.1).  And the commands it sends.  Pure.
 */
#ifndef SMTP_CLIENT_OFFER_H
#define SMTP_CLIENT_OFFER_H

#include "smtp/body.h"
#include "smtp/reply.h"

/* LIMITS (RFC 9422); 0: not said. */
struct smtp_limits {
	unsigned mail_max;		/* transactions in a session */
	unsigned rcpt_max;		/* recipients in a transaction */
	unsigned rcpt_domain_max;	/* domains of theirs in a session */
};

struct client_offer {
	bool esmtp;			/* answered EHLO */
	bool pipelining, size, eight_bit, chunking, binary, smtputf8, dsn, starttls, enhanced;
	bool requiretls, priority;
	unsigned mechanisms;		/* of AUTH: enum smtp_mechanism, or'ed */
	bool deliver_by;
	uint64_t max_size;		/* 0: not said */
	struct smtp_limits limits;
	struct slice ignore;		/* keywords that are as if not offered; the caller's, set after client_offer_init() */
	uint64_t min_by;		/* the least time DELIVERBY grants itself, in seconds; 0: not said */
};

/* Read the EHLO reply (all its lines, joined by '\n' as smtp_peer_reply keeps them). Unknown and malformed
 * keywords are ignored. */
void client_offer_init(struct client_offer *p);
void client_offer_ehlo(struct client_offer *p, struct slice text);

/* "MAIL FROM:<path> PARAMS\r\n", "RCPT TO:<path> PARAMS\r\n": only parameters the peer offered, from those the
 * envelope holds (RFC 5321 section 4.1.1.3); SIZE and BODY are added from the arguments. */
void client_mail(struct buf *b, const struct client_offer *p, struct slice path, struct slice params,
    uint64_t size, enum smtp_body body);
void client_rcpt(struct buf *b, const struct client_offer *p, struct slice path, struct slice params);

#endif
