// SPDX-License-Identifier: ISC
/*
 * What a handler does with its own process before it looks at anything else.
 */
#ifndef SESSION_ENDPOINT_H
#define SESSION_ENDPOINT_H

#include "base/buf.h"

/* What it creates is private, and neither a core nor new privileges are to be had. */
void process_prepare(void);

bool endpoint_is_socket(int fd);

/* The TCP port a socket is bound to; 0 for anything else. */
unsigned endpoint_port(int fd);

#define ENDPOINT_LITERAL_MAX 64

/* Our own name: the configured one; a host without is called by the literal of the address by which the client
 * reached it (section 4.1.3), which is put into b.  fd is the client's socket, or anything else for [127.0.0.1]. */
struct slice endpoint_name(const char *configured, int fd, struct buf *literal);

#endif
