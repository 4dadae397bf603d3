// SPDX-License-Identifier: ISC
/*
 * The other end of fd 0.  Only getpeername(2) can be trusted.  The environment counts only if fd 0
 * is not a socket, for tests and proxies.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/buf.h"

#define PEER_UNKNOWN "unknown"

enum peer_kind { PEER_INET, PEER_UNIX, PEER_PIPE };

struct peer {
	enum peer_kind kind;
	struct sockaddr_storage address;	/* PEER_INET; never IPv4-mapped */
	socklen_t address_len;
	unsigned uid;				/* PEER_UNIX: SO_PEERCRED; PEER_PIPE: getuid() */
	/* For the log and Received: "192.0.2.1", "IPv6:2001:db8::1" without brackets, or "uid
	 * 1000". */
	char text[80];
	bool literal;				/* text is an address: to be written in brackets */
};

/* Fill p in for fd.  If fd is not a socket, REMOTE_ADDR, TCPREMOTEIP and REMOTE_HOST are read in
 * this order.  If some are set and none is an address, the peer is an unknown network peer, with
 * the text PEER_UNKNOWN.  If none is set, or fd is a Unix socket, an address in SOCAT_PEERADDR or
 * NCAT_REMOTE_ADDR is the peer's. */
void peer_find(struct peer *p, int fd);

/* Set p to a network client with that address.  False if the text is not an address; p is unchanged
 * then. */
bool peer_set(struct peer *p, struct slice address);

/* Make p a network peer that nobody knows. */
void peer_forget(struct peer *p);

/* The address of a network peer; NULL for a pipe or a Unix socket. */
const struct sockaddr *peer_sockaddr(const struct peer *p);

#endif
