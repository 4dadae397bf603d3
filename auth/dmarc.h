// SPDX-License-Identifier: ISC
/*
 * DMARC (RFC 9989): the wish of an author's domain for mail that is not its own.  The
 * organizational domain is found by a walk up the tree of names.  Pure.
 */
#ifndef AUTH_DMARC_H
#define AUTH_DMARC_H

#include "auth/ask.h"
#include "auth/name.h"

#define DMARC_QUESTIONS_MAX 8	/* names of one walk */

enum dmarc_policy { DMARC_NO_POLICY, DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };

enum dmarc_state { DMARC_PENDING, DMARC_FOUND, DMARC_FAILED };

/* A record, as far as it is known here. */
struct dmarc_record {
	enum dmarc_policy p, sp, np;
	bool strict_dkim, strict_spf, testing;
	char psd;			/* 'y', 'n' or 'u' */
	struct slice rua;		/* places for reports, in the text of the record */
};

/* False: the text is no such record. */
bool dmarc_read(struct slice text, struct dmarc_record *ret);

struct dmarc_found {
	enum dmarc_policy policy;	/* DMARC_NO_POLICY: there is no record */
	bool strict_dkim, strict_spf;
	bool testing;			/* the policy would be stricter without t=y */
	bool reports;			/* the record asks for reports */
	char domain[AUTH_NAME_MAX + 1];	/* of the record */
	char organization[AUTH_NAME_MAX + 1];
};

/* Ask for the record of a domain itself.  *ret_has: it has one.  What *ret has of the text lives as
 * long as the answer. */
enum dmarc_state dmarc_ask(const struct auth_dns *dns, struct slice domain,
    struct dmarc_record *ret, bool *ret_has);

/* Find the policy and the organizational domain of a domain. */
enum dmarc_state dmarc_discover(const struct auth_dns *dns, struct slice domain,
    struct dmarc_found *ret);

/* Is a domain, which SPF or DKIM has proven, that of the author?  *ret is set with DMARC_FOUND. */
enum dmarc_state dmarc_aligned(const struct auth_dns *dns, const struct dmarc_found *of,
    struct slice author, struct slice domain, bool strict, bool *ret);

/* "none", "quarantine", "reject". */
const char *dmarc_policy_word(enum dmarc_policy policy);

#endif
