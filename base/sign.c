// SPDX-License-Identifier: ISC
/*
 * RSA signs by PKCS #1 version 1.5.  Ed25519 signs the octets of the digest (RFC 8463 section 3).
 */
#include "base/sign.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/base64.h"

struct sign_key {
	EVP_PKEY *key;
	enum sign_kind kind;
};

void
sign_prepare(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

static struct sign_key *
take_key(EVP_PKEY *key, enum sign_kind kind)
{
	struct sign_key *k = key ? calloc(1, sizeof *k) : NULL;

	if (k)
		*k = (struct sign_key){ key, kind };
	else
		EVP_PKEY_free(key);
	return k;
}

/* A key with a password is refused: nobody is there to be asked. */
static int
no_password(char *p, int size, int writing, void *ctx)
{
	(void)p;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static bool
check_key(const EVP_PKEY *key, enum sign_kind *ret_kind, struct buf *why)
{
	const int bits = key ? EVP_PKEY_get_bits(key) : 0;

	if (!key) {
		buf_str(why, "it is no private key in PEM without a password");
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
		*ret_kind = SIGN_ED25519;
		return true;
	} else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		buf_str(why, "the key is neither RSA nor Ed25519");
	} else if (bits < SIGN_RSA_LEAST || bits > SIGN_RSA_MOST) {
		buf_fmt(why, "the key has %d bits, and verifiers take RSA keys of %d to %d", bits,
		    SIGN_RSA_LEAST, SIGN_RSA_MOST);
	} else {
		*ret_kind = SIGN_RSA;
		return true;
	}
	return false;
}

struct sign_key *
sign_key_read(struct slice pem, struct buf *why)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	struct sign_key *k = NULL;
	enum sign_kind kind;

	BIO_free(bio);
	ERR_clear_error();
	if (!check_key(key, &kind, why)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	k = take_key(key, kind);
	if (!k)
		buf_str(why, "out of memory");
	return k;
}

struct sign_key *
sign_key_make(enum sign_kind kind)
{
	return take_key(kind == SIGN_RSA ? EVP_RSA_gen(SIGN_RSA_BITS)
					 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), kind);
}

bool
sign_key_write(const struct sign_key *k, struct buf *b)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long n = 0;

	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, k->key, NULL, NULL, 0, NULL, NULL) == 1)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0)
		buf_add(b, slice_of(text, (size_t)n));
	BIO_free(bio);
	return n > 0 && !b->full;
}

bool
sign_key_public(const struct sign_key *k, struct buf *b)
{
	unsigned char raw[64], *der = NULL;
	size_t n = sizeof raw;
	int size;

	if (k->kind == SIGN_ED25519) {
		if (EVP_PKEY_get_raw_public_key(k->key, raw, &n) != 1)
			return false;
		buf_add(b, slice_of((const char *)raw, n));
		return !b->full;
	}
	size = i2d_PUBKEY(k->key, &der);
	if (size > 0)
		buf_add(b, slice_of((const char *)der, (size_t)size));
	OPENSSL_free(der);
	return size > 0 && !b->full;
}

enum sign_kind
sign_key_kind(const struct sign_key *k)
{
	return k->kind;
}

static bool
sign_rsa(const struct sign_key *k, struct slice digest, unsigned char *to, size_t *n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->key, NULL);
	const bool good = c && EVP_PKEY_sign_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 &&
	    EVP_PKEY_sign(c, to, n, (const unsigned char *)digest.p, digest.n) == 1;

	EVP_PKEY_CTX_free(c);
	return good;
}

static bool
sign_ed25519(const struct sign_key *k, struct slice digest, unsigned char *to, size_t *n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	const bool good = c && EVP_DigestSignInit(c, NULL, NULL, NULL, k->key) == 1 &&
	    EVP_DigestSign(c, to, n, (const unsigned char *)digest.p, digest.n) == 1;

	EVP_MD_CTX_free(c);
	return good;
}

bool
sign_digest(const struct sign_key *k, struct slice digest, struct buf *b)
{
	unsigned char space[SIGN_SIGNATURE_MAX];
	size_t n = sizeof space;
	const bool good = k->kind == SIGN_RSA ? sign_rsa(k, digest, space, &n)
					      : sign_ed25519(k, digest, space, &n);

	ERR_clear_error();
	if (good)
		buf_add(b, slice_of((const char *)space, n));
	return good && !b->full;
}

/* ---- the check of a signature ---- */

static EVP_PKEY *
read_public(enum sign_kind kind, struct slice public)
{
	const unsigned char *p = (const unsigned char *)public.p;
	EVP_PKEY *key;

	if (kind == SIGN_ED25519)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p, public.n);
	key = d2i_PUBKEY(NULL, &p, (long)public.n);
	if (key)
		return key;
	p = (const unsigned char *)public.p;
	return d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)public.n);
}

static int
check_rsa(EVP_PKEY *key, struct slice digest, struct slice signature)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	int r = -1;

	if (c && EVP_PKEY_verify_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1)
		r = EVP_PKEY_verify(c, (const unsigned char *)signature.p, signature.n,
		    (const unsigned char *)digest.p, digest.n) == 1;
	EVP_PKEY_CTX_free(c);
	return r;
}

static int
check_ed25519(EVP_PKEY *key, struct slice digest, struct slice signature)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int r = -1;

	if (c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1)
		r = EVP_DigestVerify(c, (const unsigned char *)signature.p, signature.n,
		    (const unsigned char *)digest.p, digest.n) == 1;
	EVP_MD_CTX_free(c);
	return r;
}

enum sign_verdict
sign_check(enum sign_kind kind, struct slice public, struct slice digest, struct slice signature)
{
	EVP_PKEY *key = read_public(kind, public);
	const int bits = key ? EVP_PKEY_get_bits(key) : 0;
	enum sign_verdict verdict = SIGN_NO_KEY;
	int r;

	if (key && kind == SIGN_RSA && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    (bits < SIGN_RSA_LEAST || bits > SIGN_RSA_MOST)) {
		verdict = SIGN_WEAK_KEY;
	} else if (key && EVP_PKEY_get_base_id(key) ==
	    (kind == SIGN_RSA ? EVP_PKEY_RSA : EVP_PKEY_ED25519)) {
		r = kind == SIGN_RSA ? check_rsa(key, digest, signature) :
		    check_ed25519(key, digest, signature);
		verdict = r > 0 ? SIGN_GOOD : r == 0 ? SIGN_BAD : SIGN_TROUBLE;
	}
	EVP_PKEY_free(key);
	ERR_clear_error();
	return verdict;
}

bool
sign_warm(void)
{
	/* The keys of RFC 8463 appendix A. */
	static const struct {
		enum sign_kind kind;
		struct slice key;
	} keys[] = {
		{ SIGN_ED25519, S("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=") },
		{ SIGN_RSA, S("MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id"
		    "Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBs"
		    "CR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K"
		    "4w3QIDAQAB") },
	};
	static const char hash[32], signature[128];
	bool good = true;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		char space[256];
		struct buf key = BUF(space);

		good = good && base64_decode(&key, keys[i].key) &&
		    sign_check(keys[i].kind, buf_slice(&key), slice_of(hash, sizeof hash),
			slice_of(signature, keys[i].kind == SIGN_RSA ? 128 : 64)) == SIGN_BAD;
	}
	return good;
}

void
sign_key_free(struct sign_key *k)
{
	if (k)
		EVP_PKEY_free(k->key);
	free(k);
}
