// SPDX-License-Identifier: ISC
/*
 * The Received field on top of each message (RFC 5321 section 4.4), and the names that stand in it.
 */
#ifndef MESSAGE_TRACE_H
#define MESSAGE_TRACE_H

#include "base/buf.h"
#include "net/peer.h"
#include "net/tls.h"
#include "smtp/address.h"

#define TRACE_MAX 2048

struct trace {
	struct slice helo;		/* what the client calls itself */
	const struct peer *peer;	/* what we know of it */
	struct slice hostname;		/* ours */
	struct slice protocol;		/* SMTP, ESMTP */
	struct slice id;
	const struct smtp_path *recipient;	/* NULL unless there is exactly one */
	int64_t time_s;			/* unix */
	const struct tls_facts *tls;	/* NULL or empty: no TLS */
};

/* The whole field, folded, with its final CRLF.  TRACE_MAX octets are always enough. */
void trace_received(struct buf *b, const struct trace *t);

#endif
