// SPDX-License-Identifier: ISC
/*
 * Functions that both sides of TLS share.  Only net/tls*.c include this.
 */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls.h"
#include "net/tls_identity.h"

/* The ciphers of TLS 1.2 that are not broken: with forward secrecy, and authenticated. */
#define TLS_CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* One side of one connection. */
struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	struct tls_identity *ids;	/* identities of a server */
	size_t nids;
	bool broken;			/* no more may be sent (SSL_shutdown(3)) */
};

/* Initialize OpenSSL; only the first call does it.  0 or -EIO. */
int tls_initialize(void);

/* Set the common options of a context: TLS 1.2 or later, and nothing is kept for another
 * connection.  0 or -ENOMEM. */
int tls_context(SSL_CTX *c);

/* Make t->ssl from t->ctx, over s.  0 or -ENOMEM. */
int tls_attach(struct tls *t, struct stream *s);

/* Shake hands until it succeeds, fails, or timeout_ms have passed.  Results as of
 * tls_handshake(). */
int tls_shake(struct tls *t, struct stream *s, int timeout_ms, struct buf *why);

/* Read and write s through t from now on. */
void tls_take_over(struct tls *t, struct stream *s);

/* Fill in version, cipher and requested name. */
void tls_find_facts(const struct tls *t, struct tls_facts *ret);

/* Free and wipe a server's keys, wherever they are in memory. */
void tls_forget_keys(struct tls *t);

/* Demand records of DANE of a handshake that has not begun.  0; -EINVAL if none can be used;
 * -ENOMEM. */
int tls_dane_demand(SSL *ssl, const struct tls_dane *d);

/* Has the server shown a certificate that fits one of them?  0, and ret gets the record; or
 * -EKEYREJECTED, and why gets the fault with the records. */
int tls_dane_check(SSL *ssl, const struct tls_dane *d, struct tls_facts *ret, struct buf *why);

/* Copy the start of a peer's text, up to the first character that is not printable ASCII. */
void tls_keep(char *to, size_t size, const char *from);

#endif
