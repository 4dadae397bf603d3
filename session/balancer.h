// SPDX-License-Identifier: ISC
/*
 * [server] proxy-protocol: a balancer sends the address of the client in front of its octets.
 */
#ifndef SESSION_BALANCER_H
#define SESSION_BALANCER_H

#include "config/config.h"
#include "net/peer.h"

/* Does a header come first from this peer? */
bool balancer_is(const struct config *config, const struct peer *peer);

/* Read the header of a balancer, and make *peer the client that it names.  1 if it names one, 0 if
 * not, or -errno if no valid header comes in time. */
int balancer_ask(int fd, struct peer *peer);

#endif
