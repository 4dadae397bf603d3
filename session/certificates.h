// SPDX-License-Identifier: ISC
/*
 * The files with the certificates and keys of [server].
 */
#ifndef SESSION_CERTIFICATES_H
#define SESSION_CERTIFICATES_H

#include "config/config.h"
#include "net/tls.h"

#define CERTIFICATES_MAX 64

struct certificates {
	struct tls_pair pairs[CERTIFICATES_MAX];
	size_t n;
	struct buf text;
	char space[16384];
};

/* Find the paths of the certificates and keys.  0, or -errno with the reason in why. */
int certificates_find(struct certificates *c, const struct config *config, struct buf *why);

/* Can we read the files, and nobody else the keys?  0, or -errno with the reason in why. */
int certificates_check(const struct certificates *c, struct buf *why);

#endif
