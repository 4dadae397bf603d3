// SPDX-License-Identifier: ISC
/*
 * The frame by which a session gives its client away at STARTTLS: the session to its listener, the
 * listener to the process that forks the session inside TLS.  Its size is fixed.  The session may
 * have been taken over, so any octets may come.
 */
#ifndef STRANGERS_TRANSFER_H
#define STRANGERS_TRANSFER_H

#include <stddef.h>

#include "strangers/remark.h"

#define TRANSFER_NAME_MAX 1024
#define TRANSFER_OCTETS	  (REMARK_OCTETS + 2 + TRANSFER_NAME_MAX)

struct transfer {
	/* The client that a balancer has named; AF_UNSPEC: the one at the other end.  A session
	 * leaves this to its listener. */
	struct sockaddr_storage client;
	size_t n;			/* octets of the name */
	char name[TRANSFER_NAME_MAX];	/* of the client in EHLO */
};

void transfer_encode(const struct transfer *t, unsigned char ret[TRANSFER_OCTETS]);

/* False if the octets are no such frame: each has one form, and no control characters in it. */
bool transfer_parse(const void *octets, size_t n, struct transfer *ret);

#endif
