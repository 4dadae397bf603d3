// SPDX-License-Identifier: ISC
/*
 * Datagrams with an open descriptor beside them, over a SOCK_SEQPACKET.
 */
#ifndef BASE_PASS_H
#define BASE_PASS_H

#include <stddef.h>
#include <sys/types.h>

/* Send n octets with a descriptor, which stays the caller's; -1: without one.  flags are those of
 * send(2).  0 or -errno. */
int pass_send(int socket, const void *octets, size_t n, int fd, int flags);

/* Receive a datagram; of a longer one the end is dropped.  *ret_fd is the descriptor that came
 * with it, which becomes the caller's, or -1.  Its whole length; 0 after a hang-up; -errno. */
ssize_t pass_receive(int socket, void *to, size_t size, int flags, int *ret_fd);

#endif
