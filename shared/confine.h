// SPDX-License-Identifier: ISC
/*
 * The walls of the process that asks Redis.
 */
#ifndef SHARED_CONFINE_H
#define SHARED_CONFINE_H

#include "config/redis.h"

/* From now on this process has no files, and connects to the port, or to local sockets, of this
 * place only.  An old kernel lacks a part of this. */
void shared_confine(const struct redis_place *place);

#endif
