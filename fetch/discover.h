// SPDX-License-Identifier: ISC
/*
 * From a domain to its policy of MTA-STS, by the DNS and HTTPS (RFC 8461 section 3).
 */
#ifndef FETCH_DISCOVER_H
#define FETCH_DISCOVER_H

#include "config/config.h"
#include "dns/resolver.h"
#include "policy/sts_record.h"

enum discover_result {
	DISCOVER_NONE,		/* the domain announces no policy */
	DISCOVER_UNKNOWN,	/* the DNS does not answer, for the reason in *why */
	DISCOVER_FOUND,
	DISCOVER_FAILED,	/* for a reason that is set */
};

/* Look for the policy.  ret->id and ret->policy borrow from *text; ret->reason from *why.  A
 * failure also sets ret->failure.  If `known` the policy is fetched also without a TXT record: one
 * that holds stays in force. */
enum discover_result discover_policy(const struct config *c, const struct dns_resolver *resolver,
    struct slice domain, bool known, int timeout_ms, struct buf *text, struct sts_record *ret,
    struct buf *why);

#endif
