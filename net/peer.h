// SPDX-License-Identifier: ISC
/*
 * Who is at the other end of fd 0?  getpeername(2) is the only source to
 * trust; the environment counts only where fd 0 is no socket (design: tests, proxies).
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/buf.h"

enum peer_kind { PEER_INET, PEER_UNIX, PEER_PIPE };

struct peer {
	enum peer_kind kind;
	struct sockaddr_storage address;	/* PEER_INET; unmapped */
	socklen_t address_len;
	unsigned uid;				/* PEER_UNIX: SO_PEERCRED; PEER_PIPE: getuid() */
	char text[80];				/* "192.0.2.1", "IPv6:2001:db8::1" without brackets, "uid 1000"; for the log and Received */
	bool literal;				/* text is an address: write it in brackets */
};

/* Fill in for fd.  REMOTE_ADDR, TCPREMOTEIP, REMOTE_HOST are read (in this order) when fd is not a socket. */
void peer_find(struct peer *p, int fd);

/* The other end is a client of the network with that address; false, and p as it was, when the text is none. */
bool peer_set(struct peer *p, struct slice address);

/* NULL for pipes and AF_UNIX: what config_trusts() wants. */
const struct sockaddr *peer_sockaddr(const struct peer *p);

#endif
