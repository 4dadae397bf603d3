// SPDX-License-Identifier: ISC
/*
 * SHA-256 of octets that stream by.  With base/sign this is the only file of the room that knows
 * OpenSSL; the handler links neither.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/slice.h"

#define DIGEST_OCTETS 32

struct digest;			/* opaque */

/* NULL without memory. */
struct digest *digest_new(void);
void digest_add(struct digest *d, struct slice octets);
/* The result, and the digest begins anew.  False if it cannot be had. */
bool digest_end(struct digest *d, char ret[DIGEST_OCTETS]);
/* NULL is fine. */
void digest_free(struct digest *d);

#endif
