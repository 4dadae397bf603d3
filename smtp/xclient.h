// SPDX-License-Identifier: ISC
/*
 * The arguments of XCLIENT, by which a proxy names its client (Postfix's XCLIENT_README).  Each is
 * NAME=value, and a value is xtext.  Pure: whether the proxy may say so is decided elsewhere.
 */
#ifndef SMTP_XCLIENT_H
#define SMTP_XCLIENT_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"

#define SMTP_XCLIENT_NAMES "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
#define SMTP_XCLIENT_MAX 255	/* octets of a value */

enum smtp_xclient_id {
	SMTP_XCLIENT_NAME, SMTP_XCLIENT_ADDR, SMTP_XCLIENT_PORT, SMTP_XCLIENT_PROTO,
	SMTP_XCLIENT_HELO, SMTP_XCLIENT_LOGIN, SMTP_XCLIENT_DESTADDR, SMTP_XCLIENT_DESTPORT,
	SMTP_XCLIENT_IDS
};

/* The proxy's words so far.  An attribute that is given and not known was [UNAVAILABLE] or
 * [TEMPUNAVAIL]. */
struct smtp_xclient {
	unsigned given, known;		/* bits 1 << enum smtp_xclient_id */
	struct sockaddr_storage address, destination;	/* without a port */
	uint16_t port, destination_port;
	bool plain;			/* PROTO=SMTP */
	size_t n[SMTP_XCLIENT_IDS];	/* octets of the texts of NAME, HELO and LOGIN */
	char text[SMTP_XCLIENT_IDS][SMTP_XCLIENT_MAX];
};

/* Take the arguments of one command.  After one with ADDR the next is about another client: what
 * was known before ends.  False, and no change, if one is malformed: *ret_bad is its name, or all
 * of it. */
bool smtp_xclient_take(struct smtp_xclient *x, struct slice arguments, struct slice *ret_bad);

static inline bool
smtp_xclient_knows(const struct smtp_xclient *x, enum smtp_xclient_id id)
{
	return x->known & 1U << id;
}

/* Empty if it is not known. */
static inline struct slice
smtp_xclient_text(const struct smtp_xclient *x, enum smtp_xclient_id id)
{
	return slice_of(x->text[id], smtp_xclient_knows(x, id) ? x->n[id] : 0);
}

#endif
