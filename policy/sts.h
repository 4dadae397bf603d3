// SPDX-License-Identifier: ISC
/*
 * Policies of MTA-STS (RFC 8461): the record that announces one, its text, the exchangers that it
 * allows.
 */
#ifndef POLICY_STS_H
#define POLICY_STS_H

#include "base/buf.h"
#include "dns/resolver.h"

#define STS_ID_MAX    32
#define STS_TEXT_MAX  (64 << 10)	/* octets of a policy (section 3.3) */
#define STS_AGE_MAX_S 31557600

enum sts_mode {
	STS_NONE,		/* the domain has given its policy up */
	STS_TESTING,		/* mail goes to all exchangers; failures are reported */
	STS_ENFORCE,
};

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age_s;
	struct slice text;		/* the whole policy, borrowed */
};

/* The id of a TXT record at "_mta-sts" (section 3.1); empty: it announces no policy. */
struct slice sts_id(struct slice record);

/* The id among all TXT records there, borrowed; empty: none announces a policy, or several do. */
struct slice sts_announced(const struct dns_record *records, size_t n);

/* Is this an id? */
bool sts_is_id(struct slice id);

/* Read the text of a policy (section 3.2).  False, and the fault in why: it is none. */
bool sts_parse(struct slice text, struct sts_policy *ret, struct buf *why);

/* Does the policy allow this exchanger: the name in its MX record (section 4.1)? */
bool sts_allows(const struct sts_policy *p, struct slice exchanger);

/* Take the pattern of the next line "mx" off the text of a policy.  Empty at the end. */
struct slice sts_next_pattern(struct slice *text);

/* The word of a mode: "enforce". */
const char *sts_mode_word(enum sts_mode mode);

#endif
