// SPDX-License-Identifier: ISC
/*
 * Our end of a connection: its port, and the name of this machine.
 */
#ifndef SESSION_ENDPOINT_H
#define SESSION_ENDPOINT_H

#include <sys/socket.h>

#include "base/buf.h"

#define ENDPOINT_LITERAL_MAX 64

bool endpoint_is_socket(int fd);

/* The TCP port that a socket is bound to; 0 for anything else. */
unsigned endpoint_port(int fd);

/* Add the literal of an address; of another family it is [127.0.0.1]. */
struct slice endpoint_literal(const struct sockaddr_storage *ss, struct buf *literal);

/*
 * The name of this machine: the configured one, or else the literal of the address that the client
 * has connected to, formatted in *literal (RFC 5321 section 4.1.3).  It is [127.0.0.1] if fd is no
 * network socket.
 */
struct slice endpoint_name(const char *configured, int fd, struct buf *literal);

#endif
