// SPDX-License-Identifier: ISC
#include "base/sign.h"

#include "tests/lib/tap.h"

static void
test_kind(enum sign_kind kind, enum sign_kind other, const char *name)
{
	struct sign_key *key = sign_key_make(kind);
	char public_space[1024], signature_space[SIGN_SIGNATURE_MAX];
	struct buf public = BUF(public_space), signature = BUF(signature_space);
	char hash[32] = "the octets of a digest of 32 oc";
	const struct slice digest = slice_of(hash, sizeof hash);

	ok(key && sign_key_public(key, &public) && sign_digest(key, digest, &signature),
	    "%s: a signature", name);
	ok(sign_check(kind, buf_slice(&public), digest, buf_slice(&signature)) == SIGN_GOOD,
	    "%s: it is good", name);
	hash[0] ^= 1;
	ok(sign_check(kind, buf_slice(&public), digest, buf_slice(&signature)) == SIGN_BAD,
	    "%s: of another digest", name);
	hash[0] ^= 1;
	signature.p[3] ^= 1;
	ok(sign_check(kind, buf_slice(&public), digest, buf_slice(&signature)) == SIGN_BAD,
	    "%s: one bit changed", name);
	ok(sign_check(kind, buf_slice(&public), digest, SL("")) == SIGN_BAD, "%s: empty", name);
	ok(sign_check(kind, buf_slice(&public), digest,
	    slice_of(signature.p, signature.n - 1)) == SIGN_BAD, "%s: cut short", name);
	ok(sign_check(other, buf_slice(&public), digest, buf_slice(&signature)) == SIGN_NO_KEY,
	    "%s: its key is not of the other kind", name);
	ok(sign_check(kind, slice_of(public.p, public.n - 1), digest, buf_slice(&signature)) ==
	    SIGN_NO_KEY, "%s: a key that is cut short", name);
	ok(sign_check(kind, SL(""), digest, buf_slice(&signature)) == SIGN_NO_KEY,
	    "%s: an empty key", name);
	if (kind == SIGN_RSA) {
		/* A SubjectPublicKeyInfo of 2048 bits has 24 octets in front of the key itself. */
		signature.p[3] ^= 1;
		ok(sign_check(kind, slice_skip(buf_slice(&public), 24), digest,
		    buf_slice(&signature)) == SIGN_GOOD, "RSA: a bare RSAPublicKey");
	}
	sign_key_free(key);
}

int
main(void)
{
	test_kind(SIGN_RSA, SIGN_ED25519, "RSA");
	test_kind(SIGN_ED25519, SIGN_RSA, "Ed25519");
	ok(sign_warm(), "OpenSSL loads what checks need");
	return tap_done();
}
