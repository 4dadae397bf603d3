// SPDX-License-Identifier: ISC
/*
 * DMARC for one message: the author's domain, its policy, and whether SPF or DKIM speak for it.
 */
#ifndef VERIFY_ALIGNMENT_H
#define VERIFY_ALIGNMENT_H

#include "auth/author.h"
#include "auth/dmarc.h"
#include "auth/spf.h"

enum alignment_result {
	ALIGNMENT_NONE,			/* no domain of an author has a policy */
	ALIGNMENT_PASS, ALIGNMENT_FAIL, ALIGNMENT_TEMPERROR,
};

struct alignment {
	struct author author;
	struct dmarc_found found[AUTHOR_DOMAINS_MAX];
	enum alignment_result result;
	enum dmarc_policy policy;	/* the strictest one */
	const char *why;		/* a literal, or NULL */
	bool spf, dkim;			/* speaks for the author; both are known with reports */
};

/* Find the authors, behind the end of the header section. */
void alignment_begin(struct alignment *a, const struct dkim_message *m);

/* Ask for the policies.  False while answers are missing. */
bool alignment_ask(struct alignment *a, const struct auth_dns *dns);

/* Judge, with the results of SPF for a domain and of all signatures, after alignment_ask().  False
 * while answers are missing. */
bool alignment_judge(struct alignment *a, const struct auth_dns *dns, enum spf_result spf,
    struct slice spf_domain, const struct dkim_message *m);

/* The word for Authentication-Results. */
const char *alignment_word(enum alignment_result result);

#endif
