// SPDX-License-Identifier: ISC
/*
 * Addresses in header fields that lack their domain.  A submission server completes them (RFC 6409
 * section 6.2).  Pure.
 */
#ifndef MESSAGE_QUALIFY_H
#define MESSAGE_QUALIFY_H

#include "base/slice.h"

/* Takes the result piece by piece. */
typedef void qualify_put(void *ctx, struct slice octets);

/* body: of From, To, Cc and the like (RFC 5322 section 3.4), folded or not.  Each mailbox that is
 * only a local part gets "@domain".  A body that is not a list of addresses does not change. */
void qualify_addresses(struct slice body, struct slice domain, qualify_put *put, void *ctx);

#endif
