// SPDX-License-Identifier: ISC
/*
 * The value of [server] milter: places of filters with commas between them.
 */
#ifndef CONFIG_MILTER_H
#define CONFIG_MILTER_H

#include <stdbool.h>

#include "base/cidr.h"
#include "base/slice.h"

#define MILTERS_MAX 8

enum milter_where { MILTER_UNIX, MILTER_INET, MILTER_EXEC };

struct milter_place {
	enum milter_where where;
	struct slice text;		/* as it was written */
	struct slice target;		/* MILTER_UNIX: the path; MILTER_EXEC: program, arguments */
	struct sockaddr_storage address;	/* MILTER_INET */
	socklen_t address_len;
};

/* Takes the next place from *rest: 1, 0 at the end; or -EINVAL with what to write in *ret_why. */
int milter_place_next(struct slice *rest, struct milter_place *ret, const char **ret_why);

/* Is a place of that kind in a value that was checked?  The value may be NULL. */
bool milter_place_has(const char *value, enum milter_where where);

#endif
