// SPDX-License-Identifier: ISC
/*
 * Where the certificates and keys of [server] are.
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

/* Their paths.  0; or -errno with what is wrong in why. */
int certificates_find(struct certificates *c, const struct config *config, struct buf *why);

/* Can they be read, by us and in the case of keys by nobody else?  0 or -errno as above. */
int certificates_check(const struct certificates *c, struct buf *why);

#endif
