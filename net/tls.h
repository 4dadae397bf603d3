// SPDX-License-Identifier: ISC
/*
 * TLS over a stream (OpenSSL 3, TLS 1.2 and later).  Only net/tls*.c know OpenSSL, and they are in none of
 * the programs that have to start fast.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/stream.h"

struct tls;

/* Files: the certificate with its chain, and its key; both may be in one. */
struct tls_pair {
	const char *chain, *key;
};

/* What came of a handshake, for the log and the trace field; printable. */
struct tls_facts {
	char version[16];		/* "TLSv1.3" */
	char cipher[64];
	char server_name[256];		/* that the client has asked for (SNI); empty: none */
	bool verified;			/* a client's: the server is who it should be */
	char client[65];		/* SHA-256 of the client's certificate, in hex; empty: it has shown none */
};

/*
 * A server's side, with its certificates and keys as the files are now.  The first pair is for clients that ask for no
 * name or one that is none of ours.  0; or -errno with the file and what is wrong with it in why.
 */
int tls_server(struct tls **ret, const struct tls_pair *pairs, size_t n, bool ask_client, struct buf *why);

/* Can these be loaded, and is the certificate valid now?  0; or -errno with the file and what is wrong with it in why. */
int tls_check(const struct tls_pair *pair, struct buf *why);

/*
 * Shake hands over s, whose io is TLS from then on.  Whatever comes of it, no private key is left in memory.
 * 0; -ETIMEDOUT, -EINTR, -EPROTO and other -errno with what went wrong in why.
 */
int tls_handshake(struct tls *t, struct stream *s, int timeout_ms, struct tls_facts *ret, struct buf *why);

/* What a client keeps between connections; all zero: nothing yet. */
struct tls_client {
	struct ssl_ctx_st *ctx;
	bool knows_some, knows_all;	/* of the authorities */
};

/* What a client wants of a server. */
struct tls_demand {
	const char *name;		/* the server's name, or its address: asked for, and if verified, in its certificate */
	bool verify;
	const char *authorities;	/* a file of certificates in place of the system's; NULL */
};

/* Be ready for a handshake.  0; or -errno with what is wrong here, not there, in why. */
int tls_client_prepare(struct tls_client *c, const struct tls_demand *d, struct buf *why);
void tls_client_done(struct tls_client *c);

/*
 * Shake hands over s as a client.  0, and then s's io is TLS, s->tls the caller's to end and to free.  -EKEYREJECTED: it is
 * not shown to be who it should be; -ETIMEDOUT, -EPROTO, -ECONNRESET and other -errno; with what is wrong in why.
 */
int tls_connect(struct tls_client *c, const struct tls_demand *d, struct stream *s, int timeout_ms, struct tls_facts *ret,
    struct buf *why);

/* Say that nothing more will come; does not wait. */
void tls_end(struct tls *t);

void tls_free(struct tls *t);

#endif
