// SPDX-License-Identifier: ISC
/*
 * The places where a domain wants its reports (rua= of RFC 9989 section 4.7): "mailto:" and an
 * address, with the size of the largest report behind a "!".  Pure.
 */
#ifndef AUTH_RUA_H
#define AUTH_RUA_H

#include "base/buf.h"

#define RUA_ADDRESS_MAX 320

struct rua {
	char address[RUA_ADDRESS_MAX];	/* local@domain, in ASCII */
	const char *domain;		/* in address */
	uint64_t octets;		/* of a message; 0: any number */
};

/* Take the next place that mail can reach off a list.  Others are skipped.  False at the end. */
bool rua_next(struct slice *list, struct rua *ret);

#endif
