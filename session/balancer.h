// SPDX-License-Identifier: ISC
/*
 * [server] proxy-protocol: a balancer sends the address of the client in front of its octets.
 */
#ifndef SESSION_BALANCER_H
#define SESSION_BALANCER_H

#include "config/config.h"
#include "net/peer.h"

/*
 * If the peer of fd is a balancer, read its header, and make *peer the client that it names.  From
 * any other peer nothing is read.  1 if the header names a client; 0 if there is none; or -errno if
 * the balancer sends no valid header in time.
 */
int balancer_ask(const struct config *config, int fd, struct peer *peer);

#endif
