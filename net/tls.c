// SPDX-License-Identifier: ISC
/*
 * TLS as a stream's io.  The server's side of a connection; each has a process of its own, so there are no sessions to
 * resume, and the keys are given up as soon as the handshake is over.
 * Called by server/secure_tls.c; must not log, and must not wait but through the stream.
 */
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/tls_identity.h"

/* What is left of TLS 1.2 that nobody has broken: forward secrecy and authenticated ciphers. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	struct tls_identity *ids;
	size_t nids;
	bool broken;			/* no more may be sent (SSL_shutdown(3)) */
};

static int
bio_read(BIO *b, char *p, int n)
{
	ssize_t r;

	BIO_clear_retry_flags(b);
	r = stream_raw_read(BIO_get_data(b), p, (size_t)n);
	if (r >= 0)
		return (int)r;
	if (r == -EAGAIN)
		BIO_set_retry_read(b);
	errno = (int)-r;
	return -1;
}

static int
bio_write(BIO *b, const char *p, int n)
{
	ssize_t r;

	BIO_clear_retry_flags(b);
	r = stream_raw_write(BIO_get_data(b), p, (size_t)n);
	if (r >= 0)
		return (int)r;
	if (r == -EAGAIN)
		BIO_set_retry_write(b);
	errno = (int)-r;
	return -1;
}

static long
bio_control(BIO *b, int what, long number, void *p)
{
	(void)b;
	(void)number;
	(void)p;
	return what == BIO_CTRL_FLUSH;	/* nothing is held back here */
}

/* Why SSL_read(3) or its like has returned what it did: -EAGAIN with *ret_events, 0 at the end of input, -errno. */
static int
result(struct tls *t, int returned, short *ret_events)
{
	const int error = errno;

	switch (SSL_get_error(t->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
		*ret_events = POLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*ret_events = POLLOUT;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		t->broken = true;
		return error ? -error : 0;
	default:
		t->broken = true;
		return -EPROTO;
	}
}

static ssize_t
tls_read(struct stream *s, char *p, size_t n, short *ret_events)
{
	struct tls *t = s->tls;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read(t->ssl, p, n < INT_MAX ? (int)n : INT_MAX);
	return r > 0 ? r : result(t, r, ret_events);
}

static ssize_t
tls_write(struct stream *s, const char *p, size_t n, short *ret_events)
{
	struct tls *t = s->tls;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write(t->ssl, p, n < INT_MAX ? (int)n : INT_MAX);
	if (r > 0)
		return r;
	r = result(t, r, ret_events);
	return r == 0 ? -EPIPE : r;
}

static const struct stream_io tls_io = { tls_read, tls_write };

/* Which of our certificates for this client?  Of one name there may be several with keys of different kinds. */
static int
choose(SSL *ssl, void *ctx)
{
	const struct tls *t = ctx;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool named = false;

	for (size_t i = 0; name && i < t->nids; i++)
		named |= X509_check_host(t->ids[i].leaf, name, 0, 0, NULL) == 1;
	/* The first of a kind is set last, and counts. */
	for (size_t i = t->nids; i-- > 0;) {
		const struct tls_identity *id = &t->ids[i];

		if (named && X509_check_host(id->leaf, name, 0, 0, NULL) != 1)
			continue;
		if (SSL_use_cert_and_key(ssl, id->leaf, id->key, id->chain, 1) != 1)
			return 0;
	}
	return 1;
}

/* Whoever it is: what is shown is recorded, and proves no more than that. */
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
	t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (!c || !t->method || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(c, CIPHERS_1_2) != 1 || SSL_CTX_set_num_tickets(c, 0) != 1 ||
	    BIO_meth_set_read(t->method, bio_read) != 1 || BIO_meth_set_write(t->method, bio_write) != 1 ||
	    BIO_meth_set_ctrl(t->method, bio_control) != 1)
		return -ENOMEM;
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	    SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_cert_cb(c, choose, t);
	if (ask_client)
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, accept_any);
	return 0;
}

static void
forget_keys(struct tls *t)
{
	if (t->ssl)
		SSL_certs_clear(t->ssl);
	for (size_t i = 0; i < t->nids; i++)
		tls_identity_done(&t->ids[i]);
	free(t->ids);
	t->ids = NULL;
	t->nids = 0;
	tls_wipe_stack();
}

/* Once in a process.  The system's configuration of OpenSSL is left unread: it takes longer than all the rest. */
static int
initialize(void)
{
	static bool done;
	int r = 0;

	if (!done)
		r = tls_wipe_memory();
	if (r == 0 && !done && OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		r = -EIO;
	done = r == 0;
	return r;
}

int
tls_server(struct tls **ret, const struct tls_pair *pairs, size_t n, bool ask_client, struct buf *why)
{
	struct tls *t = calloc(1, sizeof *t);
	int r = t ? initialize() : -ENOMEM;

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
	tls_wipe_stack();	/* from here: later calls of others will leave gaps where the key was read */
	if (r < 0) {
		tls_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

/* A peer's text, as far as it is printable and of names. */
static void
keep(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; from && from[n] > ' ' && from[n] < 0x7f && n + 1 < size; n++)
		to[n] = from[n];
	to[n] = '\0';
}

static void
find_facts(const struct tls *t, struct tls_facts *f)
{
	X509 *client = SSL_get0_peer_certificate(t->ssl);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	*f = (struct tls_facts){ 0 };
	keep(f->version, sizeof f->version, SSL_get_version(t->ssl));
	keep(f->cipher, sizeof f->cipher, SSL_get_cipher_name(t->ssl));
	keep(f->server_name, sizeof f->server_name, SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
	if (!client || X509_digest(client, EVP_sha256(), digest, &n) != 1)
		return;
	for (unsigned i = 0; i < n && i < 32; i++)
		(void)snprintf(f->client + 2 * i, 3, "%02x", digest[i]);
}

/* Until it is done, has failed, or the time is up. */
static int
shake(struct tls *t, struct stream *s, int timeout_ms, struct buf *why)
{
	const int64_t until_ms = clock_ms() + timeout_ms;

	for (;;) {
		short events = POLLIN;
		int r, n;

		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(t->ssl);
		if (n == 1)
			return 0;
		r = result(t, n, &events);
		if (r == -EAGAIN)
			r = stream_wait(s, events, clock_left_ms(until_ms));
		else if (r == -EPROTO)
			tls_complaint(why);
		else if (r == 0)
			r = -ECONNRESET;
		if (r < 0) {
			t->broken = true;
			if (r != -EPROTO)
				buf_str(why, strerror(-r));
			return r;
		}
	}
}

int
tls_handshake(struct tls *t, struct stream *s, int timeout_ms, struct tls_facts *ret, struct buf *why)
{
	BIO *bio = BIO_new(t->method);
	int r = -ENOMEM;

	t->ssl = SSL_new(t->ctx);
	if (bio && t->ssl) {
		BIO_set_data(bio, s);
		BIO_set_init(bio, 1);
		SSL_set_bio(t->ssl, bio, bio);
		SSL_set_accept_state(t->ssl);
		r = shake(t, s, timeout_ms, why);
	} else {
		BIO_free(bio);
		buf_str(why, strerror(ENOMEM));
	}
	forget_keys(t);
	if (r < 0)
		return r;
	find_facts(t, ret);
	s->tls = t;
	s->io = &tls_io;
	return 0;
}

void
tls_end(struct tls *t)
{
	if (t->ssl && !t->broken)
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	t->broken = true;
}

void
tls_free(struct tls *t)
{
	if (!t)
		return;
	forget_keys(t);
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->method);
	free(t);
}
