// SPDX-License-Identifier: ISC
/*
 * Where mail for a domain goes (RFC 5321 section 5.1, RFC 7505): its exchangers
 * with their addresses, by preference.
 */
#ifndef DNS_MX_H
#define DNS_MX_H

#include "dns/resolver.h"

#define MX_EXCHANGERS_MAX 32
#define MX_ADDRESSES_MAX  16	/* of one exchanger */

enum mx_status {
	MX_OK,
	MX_NULL,		/* "MX 0 .": accepts no mail, 5.1.10 (RFC 7505) */
	MX_NXDOMAIN,		/* 5.1.2 */
	MX_NO_HOST,		/* exchangers, or the domain itself, without any address: 5.4.4 */
	MX_DEFER,		/* SERVFAIL, timeout: 4.4.3 */
	MX_BAD_NAME,		/* 5.1.2 */
	MX_OWN,			/* no exchanger but this host itself: 5.4.6; only who asks can know (mx_cut) */
};

struct mx_exchanger {
	char name[DNS_NAME_MAX];
	unsigned preference;
	bool implicit;			/* no MX: the domain's own address */
	enum dns_status status;		/* of the address look-ups, when there is none */
	struct sockaddr_storage addresses[MX_ADDRESSES_MAX];	/* port set */
	size_t naddresses;
};

struct mx_list {
	enum mx_status status;
	char detail[640];		/* for people: what the DNS said */
	struct mx_exchanger *exchangers;	/* malloc'ed; by preference, ties in random order */
	size_t n;
};

/* domain: a name, or an address literal "[192.0.2.1]", "[IPv6:...]".  port for all addresses. */
void mx_lookup(const struct dns_resolver *r, struct slice domain, enum address_family family, uint16_t port,
    struct mx_list *ret);
/* A host by name or address, without MX: for smtp:// routes. */
void mx_host(const struct dns_resolver *r, const char *host, enum address_family family, uint16_t port,
    struct mx_list *ret);
/* Without exchanger i, those of its preference, and worse ones, and with the verdict on those that are left; none: n is 0. */
void mx_cut(struct mx_list *l, size_t i, struct slice domain);
void mx_list_done(struct mx_list *l);

#endif
