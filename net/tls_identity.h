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

/* Load a certificate, its chain and its key.  tls_identity_done() must follow a success.  0; or
 * -errno, and why gets the file and the fault. */
int tls_identity_load(struct tls_identity *id, const struct tls_pair *pair, struct buf *why);
void tls_identity_done(struct tls_identity *id);

/* Is the certificate valid by its dates?  If not, why gets a sentence about `what`. */
bool tls_is_current(const X509 *certificate, const char *what, struct buf *why);

/* Make OpenSSL wipe all memory that it frees.  Must be called before any other function of OpenSSL.
 * 0 or -EIO. */
int tls_wipe_memory(void);

/* Wipe the stack below the caller, where OpenSSL may have left parts of a key. */
void tls_wipe_stack(void);

/* Append the last error of OpenSSL and clear its list of errors. */
void tls_complaint(struct buf *why);

#endif
