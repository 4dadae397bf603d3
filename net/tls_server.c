// SPDX-License-Identifier: ISC
/*
 * The server's side of TLS.  Each connection has its own process, so there is no session to resume.
 * The keys are wiped as soon as the handshake is over.  Nothing here may log.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "net/tls_internal.h"

#define REHEARSAL_TURNS 4	/* flights of a handshake, and one more */

static bool
is_for(const struct tls_identity *id, const char *name)
{
	return X509_check_host(id->leaf, name, 0, 0, NULL) == 1;
}

static bool
is_for_alternative(const struct tls_identity *id, const GENERAL_NAME *name)
{
	const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
	const unsigned char *p;

	if (name->type != GEN_DNS && name->type != GEN_IPADD)
		return false;
	p = ASN1_STRING_get0_data(text);
	if (name->type == GEN_IPADD)
		return X509_check_ip(id->leaf, p, (size_t)ASN1_STRING_length(text), 0) == 1;
	return X509_check_host(id->leaf, (const char *)p, (size_t)ASN1_STRING_length(text), 0,
	           NULL) == 1;
}

/* Is other for one of the names and addresses of first? */
static bool
shares_name(const struct tls_identity *first, const struct tls_identity *other)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(first->leaf, NID_subject_alt_name, NULL, NULL);
	bool shared = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !shared; i++)
		shared = is_for_alternative(other, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return shared;
}

/* A certificate without names in subjectAltName has one in its subject. */
static bool
shares_common_name(const struct tls_identity *first, const struct tls_identity *other)
{
	char name[256];

	return X509_NAME_get_text_by_NID(X509_get_subject_name(first->leaf), NID_commonName, name,
	           sizeof name) > 0 &&
	       is_for(first, name) && is_for(other, name);
}

/*
 * Choose our certificates for a client.  One name may have several, with keys of different kinds;
 * the client's algorithms decide between those.  A client that requests no name, or an unknown one,
 * may know us by any name: it gets the first certificate, or one that stands for it.
 */
static int
choose_certificates(SSL *ssl, void *ctx)
{
	const struct tls *t = ctx;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool named = false;

	for (size_t i = 0; name && i < t->nids; i++)
		named |= is_for(&t->ids[i], name);
	/* In reverse: of several certificates with one kind of key the first is set last, and
	 * counts. */
	for (size_t i = t->nids; i-- > 0;) {
		const struct tls_identity *id = &t->ids[i];

		if (named ? !is_for(id, name) : i > 0 && !shares_name(&t->ids[0], id) &&
		    !shares_common_name(&t->ids[0], id))
			continue;
		if (SSL_use_cert_and_key(ssl, id->leaf, id->key, id->chain, 1) != 1)
			return 0;
	}
	return 1;
}

/* Accept any certificate of a client: it is logged, and proves nothing else. */
static int
accept_any(int verified, X509_STORE_CTX *store)
{
	(void)verified;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int
server_context(struct tls *t, bool ask_client)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	t->ctx = c;
	if (!c || tls_context(c) < 0 || SSL_CTX_set_cipher_list(c, TLS_CIPHERS_1_2) != 1 ||
	    SSL_CTX_set_num_tickets(c, 0) != 1)
		return -ENOMEM;
	(void)SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_cert_cb(c, choose_certificates, t);
	if (ask_client)
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, accept_any);
	return 0;
}

int
tls_server(struct tls **ret, const struct tls_pair *pairs, size_t n, bool ask_client,
    struct buf *why)
{
	struct tls *t = calloc(1, sizeof *t);
	int r = t ? tls_wipe_memory() : -ENOMEM;

	if (r == 0)
		r = tls_initialize();
	if (r == 0)
		r = server_context(t, ask_client);
	if (r == 0) {
		t->ids = calloc(n, sizeof *t->ids);
		r = t->ids ? 0 : -ENOMEM;
	}
	if (r < 0)
		buf_fmt(why, "OpenSSL: %s", strerror(-r));
	while (r == 0 && t->nids < n) {
		r = tls_identity_load(&t->ids[t->nids], &pairs[t->nids], why);
		t->nids += r == 0;
	}
	/* Wipe now: later calls would overwrite only parts of the stack that held the key. */
	tls_wipe_stack();
	if (r < 0) {
		tls_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

/* Shake hands with ourselves, in memory. */
static void
rehearse(const struct tls *t, int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *server = SSL_new(t->ctx), *client = context ? SSL_new(context) : NULL;
	BIO *ends[2];

	if (server && client && BIO_new_bio_pair(&ends[0], 0, &ends[1], 0) == 1) {
		SSL_set_bio(server, ends[0], ends[0]);
		SSL_set_bio(client, ends[1], ends[1]);
		SSL_set_accept_state(server);
		SSL_set_connect_state(client);
		(void)SSL_set_max_proto_version(client, version);
		for (int i = 0; i < REHEARSAL_TURNS; i++) {
			(void)SSL_do_handshake(client);
			(void)SSL_do_handshake(server);
		}
	}
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(context);
}

void
tls_warm(const struct tls *t)
{
	rehearse(t, TLS1_3_VERSION);
	rehearse(t, TLS1_2_VERSION);
	tls_wipe_stack();
	ERR_clear_error();
}

int
tls_check(const struct tls_pair *pair, struct buf *why)
{
	struct tls_identity id;
	int r = tls_wipe_memory();

	if (r == 0)
		r = tls_initialize();
	if (r < 0) {
		buf_fmt(why, "OpenSSL: %s", strerror(-r));
		return r;
	}
	r = tls_identity_load(&id, pair, why);
	if (r < 0)
		return r;
	if (!tls_is_current(id.leaf, pair->chain, why))
		r = -EINVAL;
	tls_identity_done(&id);
	return r;
}

static void
find_client(const struct tls *t, struct tls_facts *f)
{
	X509 *client = SSL_get0_peer_certificate(t->ssl);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!client || X509_digest(client, EVP_sha256(), digest, &n) != 1)
		return;
	for (unsigned i = 0; i < n && i < 32; i++)
		(void)snprintf(f->client + 2 * i, 3, "%02x", digest[i]);
}

int
tls_handshake(struct tls *t, struct stream *s, int timeout_ms, struct tls_facts *ret,
    struct buf *why)
{
	int r = tls_attach(t, s);

	if (r == 0) {
		SSL_set_accept_state(t->ssl);
		r = tls_shake(t, s, timeout_ms, why);
	} else {
		buf_str(why, strerror(-r));
	}
	tls_forget_keys(t);
	if (r < 0)
		return r;
	tls_find_facts(t, ret);
	find_client(t, ret);
	tls_take_over(t, s);
	return 0;
}
