// SPDX-License-Identifier: ISC
/*
 * The chain is verified as a client would do it, except for the dates: these are a fact of their
 * own.
 */
#include "net/tls_inspect.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "net/tls_internal.h"

static int64_t
seconds_of(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Verify the chain.  0 or -ENOMEM. */
static int
verify_chain(const struct tls_identity *id, const char *authorities, struct tls_inspection *ret)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r = -ENOMEM;

	if (store && ctx &&
	    (authorities ? X509_STORE_load_file(store, authorities)
			 : X509_STORE_set_default_paths(store)) == 1 &&
	    X509_STORE_CTX_init(ctx, store, id->leaf, id->chain) == 1) {
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_NO_CHECK_TIME);
		ret->trusted = X509_verify_cert(ctx) == 1;
		if (!ret->trusted)
			tls_keep(ret->fault, sizeof ret->fault,
			    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
		r = 0;
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

int
tls_inspect(const struct tls_pair *pair, const char *name, const char *authorities,
    struct tls_inspection *ret, struct buf *why)
{
	struct tls_identity id;
	int r = tls_wipe_memory();

	*ret = (struct tls_inspection){ 0 };
	if (r == 0)
		r = tls_initialize();
	if (r < 0) {
		buf_fmt(why, "OpenSSL: %s", strerror(-r));
		return r;
	}
	r = tls_identity_load(&id, pair, why);
	if (r < 0)
		return r;
	ret->from_s = seconds_of(X509_get0_notBefore(id.leaf));
	ret->until_s = seconds_of(X509_get0_notAfter(id.leaf));
	ret->named = X509_check_host(id.leaf, name, strlen(name),
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	ret->own = X509_self_signed(id.leaf, 0) == 1;
	r = verify_chain(&id, authorities, ret);
	if (r < 0)
		buf_fmt(why, "%s: cannot verify its chain", pair->chain);
	tls_identity_done(&id);
	return r;
}
