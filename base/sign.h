// SPDX-License-Identifier: ISC
/*
 * Keys that sign a SHA-256 digest, and the check of signatures: RSA and Ed25519 (RFC 6376,
 * RFC 8463).
 */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/buf.h"

#define SIGN_RSA_BITS	   2048	/* of a new key */
#define SIGN_RSA_LEAST	   1024	/* verifiers take no shorter key (RFC 8301) */
#define SIGN_RSA_MOST	   4096	/* verifiers need not take a longer one */
#define SIGN_SIGNATURE_MAX (SIGN_RSA_MOST / 8)
#define SIGN_PEM_MAX	   8192	/* octets of a key in a file */

struct sign_key;		/* opaque */

enum sign_kind { SIGN_RSA, SIGN_ED25519 };

/* Keep OpenSSL from reading its configuration: a process behind walls could not. */
void sign_prepare(void);

/* A key in PEM.  NULL with the reason in why, which has nothing of the key. */
struct sign_key *sign_key_read(struct slice pem, struct buf *why);

/* A new key.  NULL if OpenSSL cannot make one. */
struct sign_key *sign_key_make(enum sign_kind kind);

/* Append the private key in PEM.  False if OpenSSL fails. */
bool sign_key_write(const struct sign_key *k, struct buf *b);

/* Append the public key as DNS has it: a SubjectPublicKeyInfo, or the octets of Ed25519.  False if
 * OpenSSL fails. */
bool sign_key_public(const struct sign_key *k, struct buf *b);

enum sign_kind sign_key_kind(const struct sign_key *k);

/* Append the signature of a SHA-256 digest.  False if OpenSSL fails. */
bool sign_digest(const struct sign_key *k, struct slice digest, struct buf *b);

enum sign_verdict {
	SIGN_GOOD,
	SIGN_BAD,		/* the signature is not that of the digest */
	SIGN_NO_KEY,		/* the octets are no public key of that kind */
	SIGN_WEAK_KEY,		/* RSA below SIGN_RSA_LEAST, or above SIGN_RSA_MOST */
	SIGN_TROUBLE,		/* out of memory */
};

/* Check the signature of a SHA-256 digest with a public key as DNS has it; RSA also as a bare
 * RSAPublicKey. */
enum sign_verdict sign_check(enum sign_kind kind, struct slice public, struct slice digest,
    struct slice signature);

/* Make OpenSSL load what sign_check() and digests need, for processes that are forked later.  False
 * if it cannot. */
bool sign_warm(void);

/* NULL is fine. */
void sign_key_free(struct sign_key *k);

#endif
