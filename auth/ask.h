// SPDX-License-Identifier: ISC
/*
 * Questions to the DNS, as checks of incoming mail ask them.  A check is pure: it runs from its
 * start to the first questions whose answers are not known, and begins anew when they are.
 */
#ifndef AUTH_ASK_H
#define AUTH_ASK_H

#include "base/slice.h"

enum auth_type { AUTH_A, AUTH_AAAA, AUTH_MX, AUTH_PTR, AUTH_TXT };

enum auth_status {
	AUTH_FOUND,
	AUTH_NODATA,		/* the name exists, without such records */
	AUTH_NXDOMAIN,
	AUTH_FAILED,		/* no answer, or SERVFAIL: a later attempt may have one */
};

struct auth_record {
	struct slice text;	/* TXT: its strings, joined; MX, PTR: a name */
	/* A, AAAA: 4 or 16 octets. */
	unsigned char address[16];
};

struct auth_answer {
	enum auth_status status;
	const struct auth_record *records;
	size_t n;
};

struct auth_dns {
	/* The answer to a question; NULL: it is not known yet, and is noted to be asked. */
	const struct auth_answer *(*ask)(void *ctx, struct slice name, enum auth_type type);
	void *ctx;
};

#endif
