// SPDX-License-Identifier: ISC
/*
 * Facts about a certificate of ours, as its clients see it.
 */
#ifndef NET_TLS_INSPECT_H
#define NET_TLS_INSPECT_H

#include "net/tls.h"

struct tls_inspection {
	int64_t from_s, until_s;	/* unix seconds */
	bool named;			/* it is for the name */
	bool trusted;			/* its chain leads to an authority of this machine */
	bool own;			/* it has signed itself */
	char fault[128];		/* why it is not trusted */
};

/* Load the pair and look at it.  authorities: a file in place of the system's, or NULL.  0; or
 * -errno, and why gets the file and the fault. */
int tls_inspect(const struct tls_pair *pair, const char *name, const char *authorities,
    struct tls_inspection *ret, struct buf *why);

#endif
