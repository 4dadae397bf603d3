// SPDX-License-Identifier: ISC
/*
 * The number of connections that may wait for accept(2).
 */
#ifndef BASE_BACKLOG_H
#define BASE_BACKLOG_H

#include <limits.h>

/* For listen(2): the kernel lowers it to net.core.somaxconn, which is 4096.  SOMAXCONN of musl is
 * 128; behind it, some clients of a flood hear nothing for half a minute. */
#define BACKLOG_MAX INT_MAX

#endif
