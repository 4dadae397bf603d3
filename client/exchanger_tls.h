// SPDX-License-Identifier: ISC
/*
 * The TLS that an exchanger's own domain demands, as far as it is published: by DANE in the DNS.
 * Each source is asked here, and tls_policy_of_host() decides among them.  Private to the room, and
 * for explain/.
 */
#ifndef CLIENT_EXCHANGER_TLS_H
#define CLIENT_EXCHANGER_TLS_H

#include "attempt/attempt.h"
#include "dns/mx.h"
#include "net/tls.h"
#include "policy/dane.h"

struct exchanger_tls {
	struct dane dane;
	struct dns_question answer;	/* has the records of dane */
	struct tls_tlsa records[DNS_RECORDS_MAX];
	char domain[DNS_NAME_MAX];	/* the destination, if it is a domain */
	struct tls_dane demand;		/* if the verdict is DANE_MATCH */
	char source[DANE_OWNER_MAX + 20];	/* "the TLSA records of _25._tcp.mx.example" */
};

/* Does the destination have exchangers whose domain may demand TLS? */
bool exchanger_tls_applies(const struct delivery *d);

/* Ask for n exchangers of mx at once, at most DIAL_MAX; each ret_found is filled, and must not
 * move.  The hosts with records are reported to the sink, if there is one. */
void exchanger_tls_find(const struct delivery *d, const struct mx_list *mx,
    const struct mx_exchanger *const *exchangers, size_t n,
    struct exchanger_tls *const *ret_found);

/* Is nothing validated now, and the domain one that had records of DANE lately?  Then its mail
 * waits: even its exchangers may be a forgery. */
bool exchanger_tls_waits(const struct delivery *d, const struct mx_list *mx);

void exchanger_tls_done(struct exchanger_tls *x);

#endif
