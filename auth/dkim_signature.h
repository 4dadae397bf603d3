// SPDX-License-Identifier: ISC
/*
 * A field DKIM-Signature and the record of its key, as a verifier reads them (RFC 6376, RFC 8301,
 * RFC 8463).  Pure.
 */
#ifndef AUTH_DKIM_SIGNATURE_H
#define AUTH_DKIM_SIGNATURE_H

#include "base/buf.h"

#define DKIM_SIGNATURE_FIELD 8192	/* octets of the field; a longer one is not verified */
#define DKIM_SIGNED_NAMES    256	/* names in h= */
#define DKIM_SIGNATURE_MAX   512	/* octets of a signature: RSA with 4096 bits */
#define DKIM_KEY_MAX	     1024	/* octets of a public key */
#define DKIM_HASH_OCTETS     32

enum dkim_result {
	DKIM_PENDING,		/* its key is not known yet */
	DKIM_PASS, DKIM_FAIL, DKIM_POLICY, DKIM_NEUTRAL, DKIM_TEMPERROR, DKIM_PERMERROR,
};

struct dkim_signature {
	/* DKIM_PENDING: it is to be verified.  Else why is the reason, a literal. */
	enum dkim_result result;
	const char *why;
	struct slice body;		/* of the field, borrowed */
	bool ed25519;			/* else RSA; both with SHA-256 */
	bool relaxed_header, relaxed_body;
	struct slice domain, selector, identity, names;		/* in body */
	struct slice signature_text;
	bool limited;			/* it has l= */
	uint64_t length;
	char body_hash[DKIM_HASH_OCTETS];
	char signature[DKIM_SIGNATURE_MAX];
	size_t nsignature;
};

/* Read the body of a field. */
void dkim_signature_read(struct dkim_signature *s, struct slice body, int64_t now_s);

/* The name of the key's record.  False if there is no such name. */
bool dkim_signature_key_name(const struct dkim_signature *s, struct buf *b);

struct dkim_key {
	char octets[DKIM_KEY_MAX];
	size_t n;
	bool testing;			/* t=y */
};

/* Read a record for the key of s.  NULL, or the reason why it is none, a literal. */
const char *dkim_key_read(struct dkim_key *k, struct slice text, const struct dkim_signature *s);

/* The word for Authentication-Results. */
const char *dkim_word(enum dkim_result result);

#endif
