// SPDX-License-Identifier: ISC
/*
 * Domain names as the records of others name them.  Pure.
 */
#ifndef AUTH_NAME_H
#define AUTH_NAME_H

#include "base/slice.h"

#define AUTH_NAME_MAX 253	/* octets of a name without its last dot */

/* Labels of 1 to 63 octets, without control characters, and dots between them. */
bool auth_name_valid(struct slice name);

/* Is it the domain, or a name beneath it? */
bool auth_name_beneath(struct slice name, struct slice domain);

#endif
