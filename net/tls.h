// SPDX-License-Identifier: ISC
/*
 * TLS over a stream (OpenSSL 3, TLS 1.2 and later).  Only net/tls*.c know OpenSSL.  They are in no
 * program that has to start fast.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/stream.h"

struct tls;

/* Files of a certificate with its chain, and of its key.  Both may be the same file. */
struct tls_pair {
	const char *chain, *key;
};

/* The fault of a certificate. */
enum tls_fault {
	TLS_FAULT_NONE,
	TLS_FAULT_NAME,			/* it is for another name */
	TLS_FAULT_DATES,		/* it is not valid now */
	TLS_FAULT_UNTRUSTED,		/* there is none, or its chain leads to no authority */
	TLS_FAULT_RECORDS,		/* it fits no record of DANE */
};

/* Facts of a handshake, printable, for the log and the trace field. */
struct tls_facts {
	char version[16];		/* "TLSv1.3" */
	char cipher[64];
	char server_name[256];		/* name that the client requested (SNI); empty: none */
	/* On the client's side: the server's certificate is valid for its name. */
	bool verified;
	enum tls_fault fault;		/* of a certificate that was looked at */
	char tlsa[32];			/* the record that it fits: "3.1.1:0123456789abcdef" */
	bool resumed;			/* a session that was offered goes on */
	bool good;			/* verified, or by the demand to look it would have been */
	/* SHA-256 of the client's certificate, in hex; empty: it sent none. */
	char client[65];
};

/*
 * Prepare a server's side: load the certificates and keys from their files now.  A client that
 * requests no name, or an unknown one, gets the first pair.  0; or -errno, and why gets the file
 * and the fault.  The caller frees *ret with tls_free().
 */
int tls_server(struct tls **ret, const struct tls_pair *pairs, size_t n, bool ask_client,
    struct buf *why);

/* Do once what the first handshake of a process does for all later ones, such as to find each
 * algorithm by its name.  Processes that are forked later have the results. */
void tls_warm(const struct tls *t);


/* Can the pair be loaded, and is the certificate valid now?  0; or -errno, and why gets the file
 * and the fault. */
int tls_check(const struct tls_pair *pair, struct buf *why);

/*
 * Shake hands over s as a server.  After success the io of s is TLS.  No private key is left in
 * memory, with or without success.  0; -ETIMEDOUT, -EINTR, -EPROTO or another -errno, and why gets
 * the fault.
 */
int tls_handshake(struct tls *t, struct stream *s, int timeout_ms, struct tls_facts *ret,
    struct buf *why);

/* State of a client that is kept between connections.  Zeroed at first. */
struct tls_client {
	struct ssl_ctx_st *ctx;
	bool knows_some, knows_all;	/* authorities are loaded: those needed so far, or all */
};

/* A record of DANE (RFC 6698 section 2.1), usage 2 or 3; borrowed. */
struct tls_tlsa {
	unsigned usage, selector, matching;
	const uint8_t *octets;
	size_t n;
};

/* The demand that the certificate fits one of some records (RFC 7672).  All is borrowed. */
struct tls_dane {
	const struct tls_tlsa *records;
	size_t n;
	const char *base;		/* the host of the records: sent in SNI */
	/* Further names, one of which a certificate of an authority may be for; "" is none. */
	const char *names[2];
};

/* Demands of a client on a server. */
struct tls_demand {
	/* The server's name or address: sent in SNI, and if verify is set, needed in the
	 * certificate. */
	const char *name;
	bool verify;
	bool observe;			/* look at the certificate, and accept any */
	/* The same as far as it costs little; a file of authorities that is damaged does no
	 * harm. */
	bool look;
	bool dns_names;			/* a common name is no name of the server (RFC 8461) */
	/* A file of certificates in place of the system's, or NULL. */
	const char *authorities;
	const struct tls_dane *dane;	/* in place of name and verify; or NULL */
	/* A session to resume, as tls_session_save() has made it under the same demand; empty:
	 * none.  It may be any octets.  Borrowed until the handshake ends. */
	struct slice session;
};

#define TLS_SESSION_KEY 32
#define TLS_SESSION_MAX 8192	/* with the chain of certificates; larger ones are not kept */

/* A name for the sessions with a host under a demand: another demand has another name.  False
 * without memory. */
bool tls_session_key(const struct tls_demand *d, const char *host, uint8_t ret[TLS_SESSION_KEY]);

/* The client's session as octets, if it can be resumed.  The server sends what is needed for that
 * with its first data.  Returns their number; 0: there is none, or it is too large. */
size_t tls_session_save(const struct tls *t, uint8_t *to, size_t size);

/* Do these octets reveal the data of connections that have ended?  So it is before TLS 1.3. */
bool tls_session_is_secret(const struct tls *t);

/* Find what tls_places() visits.  The file "authorities" of a folder keeps it for later
 * processes. */
void tls_places_find(int folder);

/* The files and folders where the system's authorities are, also where links lead.  The first call
 * in a process reads the folders, if tls_places_find() was not called before. */
void tls_places(void (*each)(void *ctx, const char *path), void *ctx);

/* Prepare for handshakes.  0; or -errno for a fault on our side, which why gets. */
int tls_client_prepare(struct tls_client *c, const struct tls_demand *d, struct buf *why);
void tls_client_done(struct tls_client *c);

/*
 * Shake hands over s as a client.  0: the io of s is TLS, and the caller ends and frees s->tls.
 * -EKEYREJECTED: the server did not prove its name, and *ret has the fault.  -ETIMEDOUT, -EPROTO,
 * -ECONNRESET or another -errno.  After an error why gets the fault.
 */
int tls_connect(struct tls_client *c, const struct tls_demand *d, struct stream *s, int timeout_ms,
    struct tls_facts *ret, struct buf *why);

/* Demand a certificate with this DNS name, which is no common name, of all connections of a context
 * that another library has made.  False without memory. */
bool tls_demand_dns_name(struct ssl_ctx_st *ctx, const char *name);

/* Announce the end of our output (close_notify).  Does not wait. */
void tls_end(struct tls *t);

void tls_free(struct tls *t);

#endif
