// SPDX-License-Identifier: ISC
/*
 * Hosts are addresses: the process that connects has no resolver behind its walls.
 */
#include "config/redis.h"

#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define HELP ": write redis://ADDRESS:PORT/DB with an IP address, like " \
	     "redis://192.0.2.1:6379/0 or redis://[2001:db8::1]:6379/0, or unix:/PATH"

static bool
parse_path(struct slice path, struct redis_place *ret, const char **ret_why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	*ret_why = path.n >= sizeof un.sun_path ?
	    ": the path is longer than that of a socket can be" : HELP;
	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof un.sun_path)
		return false;
	memcpy(un.sun_path, path.p, path.n);
	memcpy(&ret->address, &un, sizeof un);
	ret->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
	return true;
}

bool
redis_place_parse(struct slice text, struct redis_place *ret, const char **ret_why)
{
	struct redis_place place = { .db = 0 };
	struct slice db, host;
	uint64_t number = 0;

	if (slice_has_prefix(text, SL("unix:"))) {
		if (!parse_path(slice_skip(text, 5), &place, ret_why))
			return false;
		*ret = place;
		return true;
	}
	*ret_why = HELP;
	if (!slice_has_prefix(text, SL("redis://")))
		return false;
	host = slice_cut(slice_skip(text, 8), '/', &db);
	if ((db.n && !slice_uint(db, REDIS_DB_MAX, &number)) ||
	    !address_parse(host, REDIS_PORT, &place.address, &place.address_len) ||
	    address_port((const struct sockaddr *)&place.address) == 0)
		return false;
	place.db = (unsigned)number;
	*ret = place;
	return true;
}
