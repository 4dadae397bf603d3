// SPDX-License-Identifier: ISC
/*
 * Sessions of a client that other connections resume (RFC 8446 section 2.2, RFC 5077).  A resumed
 * handshake shows no certificate.  So the chain that the server has shown is kept beside the
 * session, and verified again before the session is offered, under the demand and at the time of
 * the new connection.  Octets of a session may come from another process, and are checked.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/tls_internal.h"

#define CHAIN_MAX 8		/* certificates behind the server's own */

static bool
add_number(EVP_MD_CTX *x, uint64_t n)
{
	return EVP_DigestUpdate(x, &n, sizeof n) == 1;
}

static bool
add_octets(EVP_MD_CTX *x, const void *octets, size_t n)
{
	return add_number(x, n) && (n == 0 || EVP_DigestUpdate(x, octets, n) == 1);
}

static bool
add_text(EVP_MD_CTX *x, const char *text)
{
	return add_octets(x, text, text ? strlen(text) : 0);
}

static bool
add_dane(EVP_MD_CTX *x, const struct tls_dane *d)
{
	bool good = add_text(x, d->base) && add_text(x, d->names[0]) && add_text(x, d->names[1]);

	for (size_t i = 0; i < d->n && good; i++)
		good = add_number(x, d->records[i].usage) &&
		    add_number(x, d->records[i].selector) &&
		    add_number(x, d->records[i].matching) &&
		    add_octets(x, d->records[i].octets, d->records[i].n);
	return good;
}

bool
tls_session_key(const struct tls_demand *d, const char *host, uint8_t ret[TLS_SESSION_KEY])
{
	EVP_MD_CTX *x = EVP_MD_CTX_new();
	const bool good = x && EVP_DigestInit_ex(x, EVP_sha256(), NULL) == 1 && add_text(x, host) &&
	    add_text(x, d->name) && add_number(x, d->verify) && add_number(x, d->dns_names) &&
	    add_text(x, d->authorities) && add_number(x, d->dane != NULL) &&
	    (!d->dane || add_dane(x, d->dane)) && EVP_DigestFinal_ex(x, ret, NULL) == 1;

	EVP_MD_CTX_free(x);
	ERR_clear_error();
	return good;
}

/* ---- saving ---- */

static bool
put_certificate(struct buf *b, const X509 *certificate)
{
	const int n = i2d_X509(certificate, NULL);
	unsigned char *p = (unsigned char *)b->p + b->n;

	if (n <= 0 || (size_t)n > b->cap - b->n)
		return false;
	b->n += (size_t)i2d_X509(certificate, &p);
	return true;
}

/* The session with its length in front. */
static bool
put_session(struct buf *b, const SSL_SESSION *session)
{
	const int n = i2d_SSL_SESSION(session, NULL);
	unsigned char *p = (unsigned char *)b->p + 2;

	if (n <= 0 || (size_t)n > UINT16_MAX || (size_t)n + 2 > b->cap)
		return false;
	b->p[0] = (char)(n >> 8);
	b->p[1] = (char)(n & 0xff);
	b->n = 2 + (size_t)i2d_SSL_SESSION(session, &p);
	return true;
}

/* A session of TLS 1.2 is bound to its handshake only by this extension (RFC 7627 section 5.3). */
static bool
is_bound(SSL *ssl)
{
	return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

size_t
tls_session_save(const struct tls *t, uint8_t *to, size_t size)
{
	STACK_OF(X509) *chain = t->chain ? t->chain : SSL_get_peer_cert_chain(t->ssl);
	struct buf b = { .p = (char *)to, .cap = size };
	SSL_SESSION *session = SSL_get1_session(t->ssl);
	bool good = session && SSL_SESSION_is_resumable(session) == 1 && is_bound(t->ssl) &&
	    put_session(&b, session);

	/* The server's own certificate is a part of the session. */
	for (int i = t->chain ? 0 : 1; good && i < sk_X509_num(chain); i++)
		good = put_certificate(&b, sk_X509_value(chain, i));
	SSL_SESSION_free(session);
	ERR_clear_error();
	return good ? b.n : 0;
}

bool
tls_session_is_secret(const struct tls *t)
{
	return SSL_version(t->ssl) < TLS1_3_VERSION;
}

/* ---- offering ---- */

static STACK_OF(X509) *
read_chain(const unsigned char *p, const unsigned char *end)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	while (chain && p < end) {
		X509 *certificate = sk_X509_num(chain) < CHAIN_MAX ?
		    d2i_X509(NULL, &p, end - p) : NULL;

		if (certificate && sk_X509_push(chain, certificate) > 0)
			continue;
		X509_free(certificate);
		sk_X509_pop_free(chain, X509_free);
		return NULL;
	}
	return chain;
}

/* The session and the chain in these octets, which the caller frees.  False if they are damaged. */
static bool
read_session(struct slice octets, SSL_SESSION **ret, STACK_OF(X509) **ret_chain)
{
	const unsigned char *p = (const unsigned char *)octets.p + 2, *start = p;
	size_t n;

	if (octets.n < 2)
		return false;
	n = (size_t)start[-2] << 8 | start[-1];
	if (n > octets.n - 2 || !(*ret = d2i_SSL_SESSION(NULL, &p, (long)n)))
		return false;
	*ret_chain = p == start + n ? read_chain(p, start + octets.n - 2) : NULL;
	if (*ret_chain)
		return true;
	SSL_SESSION_free(*ret);
	*ret = NULL;
	return false;
}

void
tls_session_offer(struct tls_client *c, struct tls *t, const struct tls_demand *d)
{
	STACK_OF(X509) *chain = NULL;
	SSL_SESSION *session = NULL;
	X509 *leaf;

	if (d->session.n && read_session(d->session, &session, &chain)) {
		leaf = SSL_SESSION_get0_peer(session);
		/* Data in the first flight could be replayed (RFC 8446 section 8). */
		if (leaf && SSL_SESSION_set_max_early_data(session, 0) == 1 &&
		    (!(d->verify || d->dane) ||
		     tls_verify_chain(c, t, leaf, chain) == X509_V_OK) &&
		    SSL_set_session(t->ssl, session) == 1) {
			t->chain = chain;
			chain = NULL;
		}
	}
	sk_X509_pop_free(chain, X509_free);
	SSL_SESSION_free(session);
	ERR_clear_error();
}

bool
tls_session_resumed(struct tls_client *c, struct tls *t, const struct tls_demand *d)
{
	if (SSL_session_reused(t->ssl) != 1) {
		sk_X509_pop_free(t->chain, X509_free);
		t->chain = NULL;
		return false;
	}
	if (d->dane)	/* OpenSSL has forgotten which record fits */
		SSL_set_verify_result(t->ssl, tls_verify_chain(c, t,
		    SSL_get0_peer_certificate(t->ssl), t->chain));
	else if (d->verify)
		SSL_set_verify_result(t->ssl, X509_V_OK);
	return true;
}
