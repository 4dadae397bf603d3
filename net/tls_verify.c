// SPDX-License-Identifier: ISC
/*
 * The verification of a server's certificate by authorities.  The handshake could do this, but it
 * would report less of the reason, and it needs all authorities from the start.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/tls_internal.h"

#define NAMES_MAX 3	/* names of a certificate in a complaint */

static void
load_rest(struct tls_client *c)
{
	/* A fault in the file shows later: certificates cannot be verified. */
	(void)SSL_CTX_set_default_verify_file(c->ctx);
	ERR_clear_error();
	c->knows_all = true;
}

/* Add the names of a certificate: "mx1.example, *.example". */
static void
add_names(struct buf *b, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int added = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && added < NAMES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char text[256];

		if (name->type != GEN_DNS)
			continue;
		tls_keep(text, sizeof text, (const char *)ASN1_STRING_get0_data(name->d.dNSName));
		buf_fmt(b, "%s%s", added++ ? ", " : "", text);
	}
	if (!added)
		buf_str(b, "no name");
	GENERAL_NAMES_free(names);
}

/* Add the reason why a certificate was rejected, as far as a person can act on it. */
static void
add_reason(struct buf *why, const struct tls *t, const char *name, long result)
{
	X509 *certificate = SSL_get0_peer_certificate(t->ssl);
	const bool dates = result == X509_V_ERR_CERT_HAS_EXPIRED ||
	    result == X509_V_ERR_CERT_NOT_YET_VALID;

	if (!certificate) {
		buf_str(why, "it has sent no certificate");
	} else if (dates && !tls_is_current(certificate, "its certificate", why)) {
		return;		/* else another certificate of the chain is out of date */
	} else if (result == X509_V_ERR_HOSTNAME_MISMATCH ||
	    result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		buf_fmt(why, "its certificate is not for %s, but for ", name);
		add_names(why, certificate);
	} else {
		buf_fmt(why, "its certificate cannot be verified: %s",
		    X509_verify_cert_error_string(result));
	}
}

static long
verify_once(const struct tls *t, X509 *leaf, STACK_OF(X509) *chain)
{
	X509_STORE_CTX *x = X509_STORE_CTX_new();
	long result = X509_V_ERR_OUT_OF_MEM;

	if (x && X509_STORE_CTX_init(x, SSL_CTX_get_cert_store(t->ctx), leaf, chain) == 1 &&
	    X509_STORE_CTX_set_default(x, "ssl_server") == 1 &&
	    X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(x), SSL_get0_param(t->ssl)) == 1) {
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(x),
		    SSL_get_security_level(t->ssl));
		X509_STORE_CTX_set0_dane(x, SSL_get0_dane(t->ssl));
		(void)X509_verify_cert(x);
		result = X509_STORE_CTX_get_error(x);
	}
	X509_STORE_CTX_free(x);
	ERR_clear_error();
	return result;
}

long
tls_verify_chain(struct tls_client *c, const struct tls *t, X509 *leaf, STACK_OF(X509) *chain)
{
	long result = verify_once(t, leaf, chain);

	if (result != X509_V_OK && c->knows_some && !c->knows_all) {
		load_rest(c);
		result = verify_once(t, leaf, chain);
	}
	return result;
}

static enum tls_fault
fault_of(long result)
{
	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return TLS_FAULT_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_FAULT_DATES;
	default:
		return TLS_FAULT_UNTRUSTED;
	}
}

int
tls_verify_server(struct tls_client *c, const struct tls *t, const struct tls_demand *d,
    struct tls_facts *facts, struct buf *why)
{
	long result = SSL_get_verify_result(t->ssl);
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);
	const bool shown = leaf != NULL;

	if (!d->verify && !d->observe)
		return 0;
	if (shown && result != X509_V_OK && !c->knows_all)
		result = tls_verify_chain(c, t, leaf, SSL_get_peer_cert_chain(t->ssl));
	if (shown && result == X509_V_OK)
		return 0;
	facts->fault = fault_of(result);
	if (!d->verify)
		return 0;
	add_reason(why, t, d->name, result);
	return -EKEYREJECTED;
}

bool
tls_verify_good(const struct tls *t)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);

	if (!leaf)
		return false;
	return (t->chain ? verify_once(t, leaf, t->chain) : SSL_get_verify_result(t->ssl)) ==
	    X509_V_OK;
}
