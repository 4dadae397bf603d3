// SPDX-License-Identifier: ISC
/*
 * Refusals of our IPv6 address, where the same mail over IPv4 may be welcome.  Private to the room.
 */
#ifndef CLIENT_IPV6_REFUSED_H
#define CLIENT_IPV6_REFUSED_H

#include "client/link.h"
#include "smtp/reply.h"

/* Is that what a reply (4yz or 5yz) says?  As Gmail and others do for addresses without a name in the DNS. */
bool ipv6_refused_by(const struct smtp_peer_reply *r);

/* The same of the link's last reply, where the link is over IPv6 and there is IPv4. */
bool ipv6_refused(const struct smtp_link *l);

#endif
