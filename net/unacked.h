// SPDX-License-Identifier: ISC
/*
 * The octets of a TCP connection that its other end has not acknowledged.  No reply to them can be
 * there yet, and a path that drops large packets shows by them.
 */
#ifndef NET_UNACKED_H
#define NET_UNACKED_H

#include <stdbool.h>

struct unacked {
	unsigned queued;	/* octets that are not acknowledged, sent or not */
	unsigned sent;		/* octets of them that were sent */
	unsigned quiet_ms;	/* since the last acknowledgement, of anything, if there are any */
	unsigned retries;	/* to send the first of them, without an acknowledgement */
};

/* False if fd is no TCP connection, or if the kernel does not say. */
bool unacked_look(int fd, struct unacked *ret);

#endif
