// SPDX-License-Identifier: ISC
/*
 * The value of [shared] redis: redis://ADDRESS[:PORT][/DB] or unix:/PATH.
 */
#ifndef CONFIG_REDIS_H
#define CONFIG_REDIS_H

#include "base/cidr.h"
#include "base/slice.h"

#define REDIS_PORT   6379
#define REDIS_DB_MAX 65535
#define REDIS_PREFIX_MAX 64	/* octets in front of each key */

struct redis_place {
	struct sockaddr_storage address;	/* IPv4, IPv6 or AF_UNIX */
	socklen_t address_len;
	unsigned db;
};

/* False if the text is no such place; then *ret_why has what to write. */
bool redis_place_parse(struct slice text, struct redis_place *ret, const char **ret_why);

#endif
