// SPDX-License-Identifier: ISC
/*
 * The header that a balancer puts before a connection (PROXY protocol, versions 1 and 2): whose connection it
 * is.  Pure.  To be believed only from balancers that are known.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/slice.h"

#define PROXY_HEADER_MAX 4096	/* version 2 may carry what nobody asks for here, such as certificates' names */

struct proxy {
	bool named;		/* false: LOCAL, UNKNOWN: it is the balancer itself, or it cannot tell */
	struct sockaddr_storage client;
	socklen_t client_len;
};

/*
 * in is what has come so far, from the first octet on.  1: it is a whole header.  0: *ret_more octets, at least, are
 * missing, and no octet beyond them is to be read.  -EINVAL: it is none.
 */
int proxy_parse(struct slice in, struct proxy *ret, size_t *ret_more);

#endif
