// SPDX-License-Identifier: ISC
/*
 * What the two sides of TLS share.  Only net/tls*.c include this.
 */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls.h"
#include "net/tls_identity.h"

/* What is left of TLS 1.2 that nobody has broken: forward secrecy and authenticated ciphers. */
#define TLS_CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* One side of one connection. */
struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	struct tls_identity *ids;	/* a server's */
	size_t nids;
	bool broken;			/* no more may be sent (SSL_shutdown(3)) */
};

/* Be ready for anything else of OpenSSL.  Once in a process.  0 or -EIO. */
int tls_initialize(void);

/* What both sides want of a context: TLS 1.2 or later, and nothing kept for another connection.  0 or -ENOMEM. */
int tls_context(SSL_CTX *c);

/* t->ssl, of t->ctx, over s.  0 or -ENOMEM. */
int tls_attach(struct tls *t, struct stream *s);

/* The handshake itself, until it is done, has failed, or the time is up.  As tls_handshake(). */
int tls_shake(struct tls *t, struct stream *s, int timeout_ms, struct buf *why);

/* From now on s is read and written through t. */
void tls_take_over(struct tls *t, struct stream *s);

/* Version, cipher and the name that was asked for. */
void tls_find_facts(const struct tls *t, struct tls_facts *ret);

/* A server's keys, wherever they are in memory. */
void tls_forget_keys(struct tls *t);

/* A peer's text, as far as it is printable and of names. */
void tls_keep(char *to, size_t size, const char *from);

#endif
