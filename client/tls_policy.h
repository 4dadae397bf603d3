// SPDX-License-Identifier: ISC
/*
 * What TLS a destination demands of a session, and who says so.  Whatever else is to have a say in it (what a domain
 * publishes by DANE or MTA-STS) has it here, and nowhere else.  Private to the room, but for --explain.
 */
#ifndef CLIENT_TLS_POLICY_H
#define CLIENT_TLS_POLICY_H

#include "config/config.h"
#include "hosts/hosts.h"
#include "queue/run.h"

#define TLS_POLICY_FORGET_S 86400	/* how long a host is spared TLS after a handshake that failed */

struct tls_policy {
	enum relay_tls tls;
	const char *source;		/* who says so: "[relay] tls" */
	const char *remedy;		/* of require: what the operator can do about a certificate */
	const char *remedy_none;	/* and about a host that can do no TLS */
	bool implicit;			/* from the first octet */
	bool by_message;		/* only the message asks for it: a host without TLS is client/transaction's to judge */
	bool downgraded;		/* tls_policy_of_host(): none instead of may, as it has failed there */
	const char *name;		/* of the host, as the certificate has to have it */
	const char *authorities;	/* file, or NULL: the system's */
};

/* Of every session there.  requiretls: for mail whose sender demands it (RFC 8689). */
struct tls_policy tls_policy_of(const struct config *c, const struct route *r, bool requiretls);

/* And of one with this host: name, and its address as host_key() has it. */
void tls_policy_of_host(struct tls_policy *t, const struct hosts *hosts, const char *name, const char *address, int64_t now_s);

/* Does the sender demand REQUIRETLS?  A notice is not lost for it (RFC 8689 section 5). */
bool tls_policy_requiretls(const struct queue_entry *e);

#endif
