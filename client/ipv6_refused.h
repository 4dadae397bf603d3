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

/* Does the last reply of the link refuse our IPv6 address?  False unless the link is over IPv6 and
 * the host also has an IPv4 address. */
bool ipv6_refused(const struct smtp_link *l);

#endif
