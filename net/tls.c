// SPDX-License-Identifier: ISC
/*
 * TLS as the io of a stream: the common part of the server's side (tls_server.c) and the client's
 * (tls_client.c).  Nothing here may log, or wait outside the stream.
 */
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/tls_internal.h"

static int
bio_read(BIO *b, char *p, int n)
{
	struct stream *s = BIO_get_data(b);
	ssize_t r = -ETIMEDOUT;

	BIO_clear_retry_flags(b);
	/* OpenSSL does not return while it gets records without content.  This check ends that. */
	if (!s->deadline_ms || clock_left_ms(s->deadline_ms) > 0)
		r = stream_raw_read(s, p, (size_t)n);
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

/* The meaning of what SSL_read(3) or a similar function returned: -EAGAIN with *ret_events, 0 at
 * the end of input, or -errno. */
static int
ssl_result(struct tls *t, int returned, short *ret_events)
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
	return r > 0 ? r : ssl_result(t, r, ret_events);
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
	r = ssl_result(t, r, ret_events);
	return r == 0 ? -EPIPE : r;
}

static const struct stream_io tls_io = { tls_read, tls_write };

/* The method for all connections; never freed. */
static BIO_METHOD *
bio_method(void)
{
	static BIO_METHOD *method;
	BIO_METHOD *m;

	if (method)
		return method;
	m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (m && BIO_meth_set_read(m, bio_read) == 1 && BIO_meth_set_write(m, bio_write) == 1 &&
	    BIO_meth_set_ctrl(m, bio_control) == 1)
		method = m;
	else
		BIO_meth_free(m);
	return method;
}

int
tls_initialize(void)
{
	static bool done;

	/* The system's configuration of OpenSSL is not loaded: that takes longer than all the
	 * rest.  At the exit nothing is freed: that copies all pages that were inherited. */
	if (!done && OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
			 NULL) != 1)
		return -EIO;
	done = true;
	return 0;
}

int
tls_context(SSL_CTX *c)
{
	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
		return -ENOMEM;
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	return 0;
}

int
tls_attach(struct tls *t, struct stream *s)
{
	BIO_METHOD *method = bio_method();
	BIO *bio = method ? BIO_new(method) : NULL;

	t->ssl = SSL_new(t->ctx);
	if (!bio || !t->ssl) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	return 0;
}

/* Shake hands until it succeeds, fails, or the deadline of the stream has passed. */
static int
shake_hands(struct tls *t, struct stream *s, struct buf *why)
{
	for (;;) {
		short events = POLLIN;
		int r, n;

		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(t->ssl);
		if (n == 1)
			return 0;
		r = ssl_result(t, n, &events);
		if (r == -EAGAIN)
			r = stream_wait(s, events, -1);
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
tls_shake(struct tls *t, struct stream *s, int timeout_ms, struct buf *why)
{
	const int64_t before_ms = s->deadline_ms, until_ms = clock_ms() + timeout_ms;
	int r;

	if (!before_ms || until_ms < before_ms)
		s->deadline_ms = until_ms;
	r = shake_hands(t, s, why);
	s->deadline_ms = before_ms;
	return r;
}

void
tls_take_over(struct tls *t, struct stream *s)
{
	s->tls = t;
	s->io = &tls_io;
}

void
tls_keep(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; from && from[n] > ' ' && from[n] < 0x7f && n + 1 < size; n++)
		to[n] = from[n];
	to[n] = '\0';
}

void
tls_find_facts(const struct tls *t, struct tls_facts *f)
{
	*f = (struct tls_facts){ 0 };
	tls_keep(f->version, sizeof f->version, SSL_get_version(t->ssl));
	tls_keep(f->cipher, sizeof f->cipher, SSL_get_cipher_name(t->ssl));
	tls_keep(f->server_name, sizeof f->server_name,
	    SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
}

void
tls_forget_keys(struct tls *t)
{
	if (!t->ids)
		return;
	if (t->ssl)
		SSL_certs_clear(t->ssl);
	for (size_t i = 0; i < t->nids; i++)
		tls_identity_done(&t->ids[i]);
	free(t->ids);
	t->ids = NULL;
	t->nids = 0;
	tls_wipe_stack();
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
	tls_forget_keys(t);
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	sk_X509_pop_free(t->chain, X509_free);
	free(t);
}
