// SPDX-License-Identifier: ISC
/*
 * Questions about a name server itself, and records that no delivery needs: texts, and names of
 * addresses.  It has no cache.
 */
#ifndef DNS_PROBE_H
#define DNS_PROBE_H

#include "base/buf.h"
#include "dns/resolver.h"

#define DNS_PROBE_TEXTS 16
#define DNS_PROBE_TEXT  2048

enum dns_probe_type { DNS_PROBE_SOA = 6, DNS_PROBE_PTR = 12, DNS_PROBE_TXT = 16 };

struct dns_probe {
	const char *name;		/* borrowed */
	enum dns_probe_type type;
	bool tcp;
	int timeout_ms;
	/* The reply. */
	int rcode;			/* -errno: none came */
	bool edns;			/* it has an OPT record (RFC 6891) */
	bool validated;			/* AD: the server has checked it by DNSSEC (RFC 4035) */
	char texts[DNS_PROBE_TEXTS][DNS_PROBE_TEXT];	/* of PTR and TXT; C strings */
	size_t n;
};

/* Ask one server once, with EDNS and AD.  By UDP, a truncated reply is read without its end. */
void dns_probe(const struct dns_resolver *r, size_t server, struct dns_probe *p);

/* Ask the servers in turn until one replies with records, or that there are none.  Truncated
 * replies are asked for again by TCP. */
void dns_probe_any(const struct dns_resolver *r, struct dns_probe *p);

/* Add the name under which the PTR records of an address are: "1.2.0.192.in-addr.arpa". */
void dns_reverse_name(struct buf *b, const struct sockaddr *sa);

/* Read the reply in a packet.  False if it is damaged.  Pure. */
bool dns_probe_read(const uint8_t *packet, size_t n, struct dns_probe *p);

#endif
