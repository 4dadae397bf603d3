// SPDX-License-Identifier: ISC
/*
 * HMAC with SHA-1 (RFC 2104, FIPS 180-4), for programs that do not link OpenSSL.  The addresses of
 * SRS need it; nothing new should.
 */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stdint.h>

#include "base/slice.h"

#define SHA1_OCTETS 20
#define SHA1_BLOCK  64

struct sha1 {
	uint32_t h[5];
	uint64_t octets;		/* so far */
	unsigned char block[SHA1_BLOCK];
};

void sha1_begin(struct sha1 *s);
void sha1_add(struct sha1 *s, struct slice octets);
void sha1_end(struct sha1 *s, unsigned char ret[SHA1_OCTETS]);

struct hmac_sha1 {
	struct sha1 inner, outer;
};

/* A begun HMAC holds what the key has become: wipe it as a key. */
void hmac_sha1_begin(struct hmac_sha1 *m, struct slice key);
void hmac_sha1_add(struct hmac_sha1 *m, struct slice octets);
void hmac_sha1_end(struct hmac_sha1 *m, unsigned char ret[SHA1_OCTETS]);

#endif
