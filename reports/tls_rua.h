// SPDX-License-Identifier: ISC
/*
 * The places that get the report about TLS of a domain.  Its record at "_smtp._tls" names them (RFC
 * 8460 section 3).
 */
#ifndef REPORTS_TLS_RUA_H
#define REPORTS_TLS_RUA_H

#include "auth/rua.h"
#include "dns/resolver.h"

#define TLS_RUA_MAX	  8	/* of one domain; the rest gets nothing */
#define TLS_RUA_URL_MAX 1024

struct tls_rua_place {
	struct rua mail;		/* if url is "" */
	char url[TLS_RUA_URL_MAX];	/* "https://host/path"; "": the place is an address */
};

struct tls_rua {
	size_t n;
	struct tls_rua_place list[TLS_RUA_MAX];
};

/* Is it such a record, whatever follows? */
bool tls_rua_is_record(struct slice text);

/* Read the places of a record, each once.  Unknown ones are left out. */
void tls_rua_read(struct slice record, struct tls_rua *ret);

/* Ask for the places of a domain; none if it has no record, or several.  False if the DNS does not
 * answer within timeout_ms. */
bool tls_rua_find(const struct dns_resolver *r, const char *domain, int timeout_ms,
    struct tls_rua *ret);

#endif
