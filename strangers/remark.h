// SPDX-License-Identifier: ISC
/*
 * A remark: a session's frame of a fixed size to its listener, about its client.  The session may
 * have been taken over, so any octets may come.
 */
#ifndef STRANGERS_REMARK_H
#define STRANGERS_REMARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define REMARK_OCTETS 24

enum remark_kind {
	REMARK_ADDRESS = 1,	/* the client that a balancer or proxy has named */
	REMARK_LOGIN,		/* a login has failed */
	REMARK_RECIPIENT,	/* a recipient was refused */
	REMARK_PROBE,		/* a transaction from the null path ended without a message */
	REMARK_IDLE,		/* its client makes no progress: the session may be ended */
	REMARK_BUSY,		/* the client has made progress again */
};

struct remark {
	enum remark_kind kind;
	uint32_t ms;		/* REMARK_IDLE: the time since the client's last progress */
	struct sockaddr_storage address;	/* REMARK_ADDRESS: IPv4 or IPv6, without a port */
};

/* The address must be set for REMARK_ADDRESS. */
void remark_encode(const struct remark *remark, unsigned char ret[REMARK_OCTETS]);

/* False if the octets are no remark: each remark has one form. */
bool remark_parse(const void *octets, size_t n, struct remark *ret);

#endif
