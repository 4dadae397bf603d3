// SPDX-License-Identifier: ISC
/*
 * The TLS that a destination demands of a session, and the source of that demand.  Every source is
 * asked here, and nowhere else.
 */
#ifndef CLIENT_TLS_POLICY_H
#define CLIENT_TLS_POLICY_H

#include "attempt/attempt.h"
#include "client/exchanger_tls.h"
#include "dns/mx.h"
#include "net/tls.h"

struct tls_policy {
	enum relay_tls tls;
	const char *source;		/* the origin of the demand: "[relay] tls" */
	const char *remedy;		/* the operator's cure for a bad certificate */
	const char *remedy_none;	/* the operator's cure for a host without TLS */
	bool learns;			/* a host that has shown good certificates needs one */
	bool implicit;			/* TLS begins with the first octet */
	bool by_message;		/* only the message demands it (REQUIRETLS) */
	bool downgraded;		/* none instead of may, as TLS has failed with the host */
	bool shaky;			/* the last connection to the host broke at TLS as well */
	struct tls_demand demand;	/* on the host, for the handshake */
};

/* For all hosts of the destination.  requiretls: the sender of the mail demands it (RFC 8689). */
struct tls_policy tls_policy_of(const struct delivery *d, bool requiretls);

/* Demand TLS with the exchanger's name, as a policy of MTA-STS does that is enforced.  A demand
 * that is there already stays (RFC 8461 section 4.2). */
void tls_policy_by_sts(struct tls_policy *t);

/* Adapt t to one host: an exchanger, whose name t borrows, at one of its addresses.  published is
 * what its domain demands, borrowed too; NULL: nothing. */
void tls_policy_of_host(struct tls_policy *t, const struct delivery *d,
    const struct mx_exchanger *x, const struct exchanger_tls *published,
    const struct sockaddr_storage *address, int64_t now_s);

/* Does the sender demand REQUIRETLS?  A notice must not be lost for it (RFC 8689 section 5). */
bool tls_policy_requiretls(const struct queue_entry *e);

#endif
