// SPDX-License-Identifier: ISC
/*
 * The exchangers of a domain with their addresses, by preference (RFC 5321 section 5.1, RFC 7505).
 */
#ifndef DNS_MX_H
#define DNS_MX_H

#include "dns/resolver.h"

#define MX_EXCHANGERS_MAX 32
#define MX_ADDRESSES_MAX  16	/* addresses of one exchanger */

enum mx_status {
	MX_OK,
	MX_NULL,		/* "MX 0 .": accepts no mail; 5.1.10 (RFC 7505) */
	MX_NXDOMAIN,		/* 5.1.2 */
	MX_NO_HOST,		/* no exchanger, nor the domain itself, has an address: 5.4.4 */
	MX_DEFER,		/* SERVFAIL, timeout: 4.4.3 */
	MX_BAD_NAME,		/* 5.1.2 */
	/* The only exchanger is this machine: 5.4.6.  Never set by a look-up, which does not know
	 * our names. */
	MX_OWN,
};

struct mx_exchanger {
	char name[DNS_NAME_MAX];
	unsigned preference;
	uint16_t port;			/* of its addresses */
	uint16_t weight;		/* its share, if the list has `spread` (RFC 2782) */
	bool implicit;			/* no MX: the address of the domain itself */
	enum dns_status status;		/* result of the address look-ups if there is no address */
	char why[DNS_WHY_MAX];		/* the reason for that status; "": none */
	/* The proof of its addresses: the better one of its two families. */
	enum dns_trust trust;
	/* The name at the end of its aliases; "": not known. */
	char canonical[DNS_NAME_MAX];
	struct sockaddr_storage addresses[MX_ADDRESSES_MAX];	/* with the port */
	size_t naddresses;
};

struct mx_list {
	enum mx_status status;
	/* The proof of the MX records, or that there are none.  A host that a route names has
	 * been chosen, which is as good as a proof. */
	enum dns_trust trust;
	/* For how long the answers name these exchangers; UINT32_MAX: no answer does. */
	uint32_t ttl_s;
	char detail[640];		/* for people: the answer of the DNS */
	bool spread;			/* exchangers of one preference share the load by weight */
	/* malloc'ed; by preference, equal ones in random order. */
	struct mx_exchanger *exchangers;
	size_t n;
};

/* Look up the exchangers of a domain: a name, or an address literal "[192.0.2.1]", "[IPv6:...]".
 * All addresses get port.  mx_list_done() must follow. */
void mx_lookup(const struct dns_resolver *r, struct slice domain, enum address_family family,
    uint16_t port, struct mx_list *ret);

/*
 * Sort records of MX or SRV by preference, equal ones at random, which spreads the load (RFC 5321
 * section 5.1).  Returns how many are to be used: of a list that is too long, the best ones, and
 * some that are drawn from all others, so that each has its turn.
 */
size_t mx_sort(struct dns_record *records, size_t n);

/* Remove exchanger i and all with the same or a worse preference; status and detail are set again
 * for the rest.  If none is left, n is 0. */
void mx_cut(struct mx_list *l, size_t i, struct slice domain);

/* Free the exchangers. */
void mx_list_done(struct mx_list *l);

#endif
