// SPDX-License-Identifier: ISC
/*
 * The header that a balancer puts before a connection: the address of the client (PROXY protocol,
 * versions 1 and 2).  Pure.  It may be believed only if it comes from a known balancer.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/slice.h"

/* Version 2 may carry more than we read, such as names of certificates. */
#define PROXY_HEADER_MAX 4096

struct proxy {
	/* False for LOCAL and UNKNOWN: the balancer itself, or a client it does not know. */
	bool named;
	struct sockaddr_storage client;
};

/*
 * Parse a header; `in` is all input so far.  1: the header is whole.  0: at least *ret_more octets
 * are missing, and the caller must read no octet beyond them.  -EINVAL: this is not a header.
 */
int proxy_parse(struct slice in, struct proxy *ret, size_t *ret_more);

#endif
