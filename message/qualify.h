// SPDX-License-Identifier: ISC
/*
 * Addresses in header fields that lack their domain, or that have another one elsewhere.  A
 * submission server completes them (RFC 6409 sections 6.2 and 8.1).  Pure.
 */
#ifndef MESSAGE_QUALIFY_H
#define MESSAGE_QUALIFY_H

#include "base/buf.h"

/* Takes the result piece by piece. */
typedef void qualify_put(void *ctx, struct slice octets);

/* Write the address that stands for another one.  False, and nothing is written: none does. */
typedef bool qualify_replace(void *ctx, struct slice address, struct buf *ret);

#define QUALIFY_MAX 2100		/* octets of an address */

struct qualify {
	struct slice domain;		/* for addresses without one */
	qualify_replace *replace;	/* asked about whole addresses; NULL: none changes */
	qualify_put *put;
	void *ctx;			/* for both */
};

/* body: of From, To, Cc and the like (RFC 5322 section 3.4), folded or not.  Each mailbox that is
 * only a local part gets "@domain"; then replace() may change it, as it may any other one without
 * blanks and comments.  A body that is not a list of addresses does not change. */
void qualify_addresses(const struct qualify *q, struct slice body);

#endif
