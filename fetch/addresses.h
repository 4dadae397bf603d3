// SPDX-License-Identifier: ISC
/*
 * The addresses of a web server whose name a stranger has chosen.
 */
#ifndef FETCH_ADDRESSES_H
#define FETCH_ADDRESSES_H

#include "config/config.h"
#include "dns/resolver.h"

#define ADDRESSES_MAX 8

/* The addresses in answers that may be asked.  Their number; 0 with the reason in why. */
size_t addresses_collect(const struct config *c, const char *host, const struct dns_question *q,
    size_t n, struct sockaddr_storage ret[ADDRESSES_MAX], struct buf *why);

/* The same, and ask for them. */
size_t addresses_find(const struct config *c, const struct dns_resolver *resolver,
    const char *host, struct sockaddr_storage ret[ADDRESSES_MAX], struct buf *why);

#endif
