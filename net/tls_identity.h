// SPDX-License-Identifier: ISC
/*
 * Certificates and their keys, from files.  Only net/tls*.c include this.
 */
#ifndef NET_TLS_IDENTITY_H
#define NET_TLS_IDENTITY_H

#include <openssl/ssl.h>

#include "net/tls.h"

struct tls_identity {
	X509 *leaf;
	STACK_OF(X509) *chain;
	EVP_PKEY *key;
};

/* 0; or -errno with the file and what is wrong with it in why. */
int tls_identity_load(struct tls_identity *id, const struct tls_pair *pair, struct buf *why);
void tls_identity_done(struct tls_identity *id);

/* Is it valid by its dates?  If not, why says so, of `what`. */
bool tls_is_current(const X509 *certificate, const char *what, struct buf *why);

/* Give all octets that OpenSSL ever frees back wiped.  Before any other call of it; 0 or -EIO. */
int tls_wipe_memory(void);
/* And what it has left on the stack below the caller. */
void tls_wipe_stack(void);

/* The last of OpenSSL's complaints, which are then forgotten. */
void tls_complaint(struct buf *why);

#endif
