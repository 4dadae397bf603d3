// SPDX-License-Identifier: ISC
/*
 * [server] proxy-protocol: the client's address as a balancer gives it.
 */
#ifndef SESSION_BALANCER_H
#define SESSION_BALANCER_H

#include "config/config.h"
#include "net/peer.h"

/*
 * Where fd's peer is one of the balancers, read its header, and no octet more, and make *peer who it says.  All others
 * are who they are, and nothing is read from them.  0; -errno when there is no header that can be read, in time.
 */
int balancer_ask(const struct config *config, int fd, struct peer *peer);

#endif
