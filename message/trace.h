// SPDX-License-Identifier: ISC
/*
 * The Received field that goes on top of each message (RFC 5321 section 4.4).
 */
#ifndef MESSAGE_TRACE_H
#define MESSAGE_TRACE_H

#include "base/buf.h"
#include "net/peer.h"
#include "net/tls.h"
#include "smtp/address.h"

#define TRACE_MAX 3072

struct trace {
	struct slice helo;		/* the argument of HELO or EHLO */
	const struct peer *peer;	/* the client */
	struct slice name;		/* its name, as a proxy knows it; empty: not known */
	struct slice hostname;		/* ours */
	struct slice protocol;		/* SMTP, ESMTP and so on */
	struct slice id;		/* in the queue */
	/* NULL unless there is exactly one; one that is very long is left out. */
	const struct smtp_path *recipient;
	int64_t time_s;			/* since 1970 */
	const struct tls_facts *tls;	/* NULL or empty: no TLS */
};

/* The whole field, folded, with its final CRLF.  TRACE_MAX octets are always enough. */
void trace_received(struct buf *b, const struct trace *t);

#endif
