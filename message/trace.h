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

#define TRACE_LITERAL_MAX 64

/* Our own name: the configured one; a host without is called by the literal of the address by which the client
 * reached it (section 4.1.3), which is put into b.  fd is the client's socket, or anything else for [127.0.0.1]. */
struct slice trace_own_name(const char *configured, int fd, struct buf *literal);

#endif
