// SPDX-License-Identifier: ISC
/*
 * Refusals of our IPv6 address; the same mail may be welcome over IPv4.  Private to the room.
 */
#ifndef CLIENT_IPV6_REFUSED_H
#define CLIENT_IPV6_REFUSED_H

#include "client/link.h"
#include "smtp/reply.h"

/* Does this reply (4yz or 5yz) refuse our IPv6 address?  Gmail and others refuse an address without
 * a name in the DNS. */
bool ipv6_refused_by(const struct smtp_peer_reply *r);

/* The same for the last reply of a link over IPv6 to a host that has an IPv4 address too. */
bool ipv6_refused(const struct smtp_link *l);

#endif
