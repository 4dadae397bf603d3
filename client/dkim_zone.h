// SPDX-License-Identifier: ISC
/*
 * The record of a key of DKIM in the DNS: is it the one of the key that signs here?
 */
#ifndef CLIENT_DKIM_ZONE_H
#define CLIENT_DKIM_ZONE_H

#include "base/sign.h"
#include "config/dkim.h"
#include "dns/resolver.h"

enum dkim_zone {
	DKIM_ZONE_GOOD,
	DKIM_ZONE_FAULT,	/* verifiers do not take the signatures */
	DKIM_ZONE_SILENT,	/* no name server replied */
	DKIM_ZONE_NO_KEY,	/* the key cannot be read here */
};

/* Look up the record of a pair.  The reason is appended to why, the name of the record to name. */
enum dkim_zone dkim_zone_check(const struct dns_resolver *resolver, const struct dkim_pair *pair,
    int timeout_ms, struct buf *name, struct buf *why);

/* The word for the type of a key in its record: "rsa" or "ed25519". */
const char *dkim_zone_type(const struct sign_key *key);

#endif
