// SPDX-License-Identifier: ISC
/*
 * The TLS that a destination demands of a session, and the source of that demand.  Every source is
 * asked here, and nowhere else; DANE and MTA-STS would be more of them.
 */
#ifndef CLIENT_TLS_POLICY_H
#define CLIENT_TLS_POLICY_H

#include "config/config.h"
#include "hosts/hosts.h"
#include "queue/run.h"

/* A host is spared TLS for this time after a failed handshake. */
#define TLS_POLICY_FORGET_S 86400

struct tls_policy {
	enum relay_tls tls;
	const char *source;		/* the origin of the demand: "[relay] tls" */
	const char *remedy;		/* the operator's cure for a bad certificate */
	const char *remedy_none;	/* the operator's cure for a host without TLS */
	bool implicit;			/* TLS begins with the first octet */
	bool by_message;		/* only the message demands it (REQUIRETLS) */
	bool downgraded;		/* none instead of may, as TLS has failed with the host */
	const char *name;		/* the host's name, for its certificate */
	const char *authorities;	/* a file of them; NULL: the system's */
};

/* For all hosts of the route.  requiretls: the sender of the mail demands it (RFC 8689). */
struct tls_policy tls_policy_of(const struct config *c, const struct route *r, bool requiretls);

/* Adapt t to one host: its name, and its address as host_key() writes it. */
void tls_policy_of_host(struct tls_policy *t, const struct hosts *hosts, const char *name,
    const char *address, int64_t now_s);

/* Does the sender demand REQUIRETLS?  A notice must not be lost for it (RFC 8689 section 5). */
bool tls_policy_requiretls(const struct queue_entry *e);

#endif
