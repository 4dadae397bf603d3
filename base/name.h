// SPDX-License-Identifier: ISC
/*
 * Names of hosts: their form, and the name of this machine.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include "base/buf.h"

/* Octets of a domain name as text, without the root's dot and length (RFC 1035 section 2.3.4). */
#define NAME_MAX_OCTETS 253

/* Labels of letters, digits, hyphens and underscores.  "localhost" is such a name, an IPv4 address
 * is not. */
bool name_is_domain(struct slice s);

/* A domain without underscores: a name that a greeting may carry (RFC 5321 section 4.1.2).
 * "localhost" is allowed. */
bool name_is_host(struct slice s);

/* A host's name with a dot: other hosts can look it up (RFC 5321 section 2.3.5). */
bool name_is_fqdn(struct slice s);

/* An address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
bool name_is_literal(struct slice s);

/* Take the next line off the text of a hosts(5) file.  *ret_names is a list for words_next().  Both
 * results are empty for a line without them.  False at the end of the text. */
bool name_next_in_hosts(struct slice *text, struct slice *ret_address, struct slice *ret_names);

/* Append the full name of host in the text of a hosts(5) file.  It is the first name with a dot on
 * a line that also has host.  False if there is none; b is unchanged then. */
bool name_from_hosts(struct slice hosts, struct slice host, struct buf *b);

/* Append this machine's full name: that of gethostname(2), or else the one in /etc/hosts.  No
 * resolver is asked.  False if neither has a dot. */
bool name_of_host(struct buf *b);

#endif
