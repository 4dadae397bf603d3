// SPDX-License-Identifier: ISC
/*
 * Addresses of a header field that lack their domain (RFC 6409 section 6.1: what a submission server may mend).  Pure.
 */
#ifndef MESSAGE_QUALIFY_H
#define MESSAGE_QUALIFY_H

#include "base/slice.h"

/* Told of the octets of the result, piece by piece. */
typedef void qualify_put(void *ctx, struct slice octets);

/* The body of From, To, Cc ... (RFC 5322 section 3.4), folded or not: "@domain" is put behind each mailbox that is
 * a local part only.  What is no list of addresses comes out as it was. */
void qualify_addresses(struct slice body, struct slice domain, qualify_put *put, void *ctx);

#endif
