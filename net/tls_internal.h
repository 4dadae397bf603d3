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
	STACK_OF(X509) *chain;		/* of a resumed session, behind the certificate */
	bool broken;			/* no more may be sent (SSL_shutdown(3)) */
};

/* Initialize OpenSSL; only the first call does it.  0 or -EIO. */
int tls_initialize(void);

/* Set the common options of a context: TLS 1.2 or later, and nothing is kept for another connection
 * by OpenSSL itself.  0 or -ENOMEM. */
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

/* Verify a server's certificate as its handshake does, with all authorities if need be.  X509_V_OK,
 * or another X509_V_ value. */
long tls_verify_chain(struct tls_client *c, const struct tls *t, X509 *leaf,
    STACK_OF(X509) *chain);

/* After the handshake: does the certificate prove the server's name, if d demands that?  0 or
 * -EKEYREJECTED, and why gets the reason. */
int tls_verify_server(struct tls_client *c, const struct tls *t, const struct tls_demand *d,
    struct tls_facts *facts, struct buf *why);

/* Offer the session of d in a handshake that has not begun, if it stands up to d. */
void tls_session_offer(struct tls_client *c, struct tls *t, const struct tls_demand *d);

/* After the handshake: does that session go on?  Then its result is that of its verification. */
bool tls_session_resumed(struct tls_client *c, struct tls *t, const struct tls_demand *d);

/* Is the certificate of the connection good by the authorities that are loaded? */
bool tls_verify_good(const struct tls *t);

/* Copy the start of a peer's text, up to the first character that is not printable ASCII. */
void tls_keep(char *to, size_t size, const char *from);

#endif
