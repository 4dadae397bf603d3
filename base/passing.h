// SPDX-License-Identifier: ISC
/*
 * One descriptor passed with a packet over a local socket.  The sender may be hostile: it can pass
 * many descriptors, and they must not stay open.
 */
#ifndef BASE_PASSING_H
#define BASE_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct passed {
	int fd;			/* -1: none, or not exactly one */
	pid_t pid;		/* of the sender, by SO_PASSCRED; -1: not known */
};

/* Send a packet with a descriptor, or without (-1).  flags are for sendmsg(2).  0 or -errno. */
int passing_send(int socket, const void *octets, size_t n, int fd, int flags);

/* Receive a packet of at most `size` octets; what is behind them is lost.  The caller closes
 * ret->fd.  The octets or -errno. */
ssize_t passing_take(int socket, void *octets, size_t size, int flags, struct passed *ret);

/* passing_take() has returned 0: have all senders hung up?  One of several may also have sent a
 * packet without octets, and must not end the service of the others. */
bool passing_ended(int socket);

#endif
