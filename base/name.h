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

/* Take the next line off the text of a hosts(5) file: its address, and its names in a list for
 * words_next().  Both are empty on a line without them.  False at the end of the text. */
bool name_next_in_hosts(struct slice *text, struct slice *ret_address, struct slice *ret_names);

/* The full name that the text of a hosts(5) file gives for host: the first name with a dot on a
 * line that also has host.  False, with nothing added, if there is none. */
bool name_from_hosts(struct slice hosts, struct slice host, struct buf *b);

/* This host's FQDN: gethostname(2), or the full name that /etc/hosts gives for it, without a resolver.
 * False if neither has a dot. */
bool name_of_host(struct buf *b);

#endif
