// SPDX-License-Identifier: ISC
/*
 * Domain names as lower-case text of letters, digits, hyphens and underscores, without a trailing
 * dot.  DNS names may hold other octets (RFC 2181 section 11), but mail does not need them, and
 * logs and file names must not get them.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include "base/slice.h"
#include "dns/resolver.h"

/* Read a name from text; one trailing dot is allowed.  False if it is not a name; the root is not
 * allowed. */
bool dns_name_from_text(struct slice text, char ret[DNS_NAME_MAX]);

/* Convert a domain to the name in the DNS, in lower case: an ASCII domain stays as it is, others
 * become A-labels (RFC 5891, RFC 6531 section 3.2).  False if it is not a domain name. */
bool dns_name_from_domain(struct slice domain, char ret[DNS_NAME_MAX]);

/* Read a name from uncompressed wire form: n octets with the root's label.  The root becomes "".
 * False if it is not such a name. */
bool dns_name_from_wire(const uint8_t *wire, size_t n, char ret[DNS_NAME_MAX]);

/* Are two names in wire form equal, without regard to case? */
bool dns_name_same(const uint8_t *a, size_t na, const uint8_t *b, size_t nb);

#endif
