// SPDX-License-Identifier: ISC
/*
 * Certificates that records of DANE name (RFC 7671, RFC 7672 section 3).  OpenSSL compares them.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/tls_internal.h"

#define SHOWN_RECORDS 3
#define SHOWN_OCTETS  8

/* A certificate of an authority is for the host of the records, for its name in the MX record, or
 * for the domain (RFC 7672 section 3.2.2). */
static int
add_names(SSL *ssl, const struct tls_dane *d)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	for (size_t i = 0; i < sizeof d->names / sizeof d->names[0]; i++)
		if (d->names[i] && d->names[i][0] && strcmp(d->names[i], d->base) != 0 &&
		    SSL_add1_host(ssl, d->names[i]) != 1)
			return -ENOMEM;
	return 0;
}

int
tls_dane_demand(SSL *ssl, const struct tls_dane *d)
{
	size_t usable = 0;

	if (SSL_dane_enable(ssl, d->base) != 1)
		return -EINVAL;
	/* The key of usage 3 is proof enough: names and dates do not count (section 3.1.1). */
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < d->n; i++) {
		const struct tls_tlsa *t = &d->records[i];
		const int r = SSL_dane_tlsa_add(ssl, (uint8_t)t->usage, (uint8_t)t->selector,
		    (uint8_t)t->matching, t->octets, t->n);

		if (r < 0)
			return -ENOMEM;
		usable += r > 0;
	}
	ERR_clear_error();
	return usable ? add_names(ssl, d) : -EINVAL;
}

static void
add_octets(struct buf *b, const unsigned char *octets, size_t n)
{
	for (size_t i = 0; i < n && i < SHOWN_OCTETS; i++)
		buf_fmt(b, "%02x", octets[i]);
}

static void
add_records(struct buf *b, const struct tls_dane *d)
{
	for (size_t i = 0; i < d->n && i < SHOWN_RECORDS; i++) {
		const struct tls_tlsa *t = &d->records[i];

		buf_fmt(b, "%s%u %u %u ", i ? ", " : "", t->usage, t->selector, t->matching);
		add_octets(b, t->octets, t->n);
		buf_str(b, t->n > SHOWN_OCTETS ? "..." : "");
	}
	if (d->n > SHOWN_RECORDS)
		buf_fmt(b, " and %zu more", d->n - SHOWN_RECORDS);
}

int
tls_dane_check(SSL *ssl, const struct tls_dane *d, struct tls_facts *ret, struct buf *why)
{
	const long result = SSL_get_verify_result(ssl);
	struct buf text = BUF(ret->tlsa);
	const unsigned char *octets;
	uint8_t usage, selector, matching;
	size_t n;

	if (SSL_get0_peer_certificate(ssl) && result == X509_V_OK &&
	    SSL_get0_dane_authority(ssl, NULL, NULL) >= 0 &&
	    SSL_get0_dane_tlsa(ssl, &usage, &selector, &matching, &octets, &n) >= 0) {
		buf_fmt(&text, "%u.%u.%u:", usage, selector, matching);
		add_octets(&text, octets, n);
		(void)buf_cstr(&text);
		return 0;
	}
	ret->fault = result == X509_V_ERR_HOSTNAME_MISMATCH ? TLS_FAULT_NAME : TLS_FAULT_RECORDS;
	buf_fmt(why, "its certificate does not fit the TLSA records of %s (", d->base);
	add_records(why, d);
	buf_fmt(why, "): %s", X509_verify_cert_error_string(result));
	return -EKEYREJECTED;
}
