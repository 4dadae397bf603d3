// SPDX-License-Identifier: ISC
/*
 * Names of hosts: what is one, and what is ours.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include "base/buf.h"

#define NAME_MAX_OCTETS 253	/* of a domain name as text, RFC 1035 section 2.3.4 less the root's dot and length */

/* Labels of letters, digits, hyphens and underscores; "localhost" is one, an IPv4 address is none. */
bool name_is_domain(struct slice s);

/* A domain without underscores: what a greeting may say (RFC 5321 section 4.1.2), "localhost" in a test. */
bool name_is_host(struct slice s);

/* A host's name with a dot: what others can look up (RFC 5321 section 2.3.5). */
bool name_is_fqdn(struct slice s);

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
bool name_is_literal(struct slice s);

/* The full name that a hosts(5) file's text gives for host: the first with a dot on a line that
 * has host.  Nothing is added and false returned when there is none. */
bool name_from_hosts(struct slice hosts, struct slice host, struct buf *b);

/* This host's FQDN: gethostname(2), or what /etc/hosts makes of it.  No resolver.  False when neither has a dot. */
bool name_of_host(struct buf *b);

#endif
