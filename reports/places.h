// SPDX-License-Identifier: ISC
/*
 * The places that get the report about a domain.  The record of its policy names them, and those in
 * other organizations must have agreed (RFC 9990 section 4).
 */
#ifndef REPORTS_PLACES_H
#define REPORTS_PLACES_H

#include "auth/dmarc.h"
#include "auth/rua.h"
#include "dns/resolver.h"

#define PLACES_MAX 8		/* of one domain; the rest gets nothing */

enum places_state {
	PLACES_FOUND,
	PLACES_NONE,		/* nobody wants reports, or may have them */
	PLACES_FAILED,		/* the DNS has no answer */
};

struct places {
	struct dmarc_record record;	/* without its text */
	size_t n;
	struct rua list[PLACES_MAX];
	size_t refused;			/* places that have not agreed */
};

/* Find the places of a domain. */
enum places_state places_find(const struct dns_resolver *r, const char *domain, int timeout_ms,
    struct places *ret);

/* The same with the answers so far.  False while some are missing. */
bool places_decide(const struct auth_dns *dns, struct slice domain, struct places *ret,
    enum places_state *ret_state);

#endif
