// SPDX-License-Identifier: ISC
/*
 * The record of a domain's policy of MTA-STS, as a file keeps it: lines about its last fetch, an
 * empty line, and the policy as it came.
 */
#ifndef POLICY_STS_RECORD_H
#define POLICY_STS_RECORD_H

#include "policy/sts.h"

#define STS_RECORD_MAX (STS_TEXT_MAX + 1024)	/* octets of such a file */

/* The step of a fetch that failed (RFC 8460 section 4.3.2.2). */
enum sts_failure {
	STS_FAILURE_FETCH,
	STS_FAILURE_POLICY,		/* the text is no policy */
	STS_FAILURE_CERTIFICATE,	/* the web server did not prove its name */
	STS_FAILURES
};

struct sts_record {
	struct slice id;		/* of the TXT record when it was fetched */
	int64_t fetched_s, expires_s;	/* since 1970 */
	int64_t failed_s;		/* of the last fetch, if it failed; else 0 */
	enum sts_failure failure;
	struct slice reason;		/* of the failure */
	bool has_policy;
	struct sts_policy policy;
};

/* Read a file.  False if it is damaged.  The result borrows from text. */
bool sts_record_read(struct slice text, struct sts_record *ret);

/* Append a record as text. */
void sts_record_write(struct buf *b, const struct sts_record *r);

/* Is there a policy that holds at that time? */
bool sts_record_live(const struct sts_record *r, int64_t now_s);

/* Should the policy be fetched now?  id is that of the domain's TXT record; empty: it has none, or
 * the DNS does not answer.  A policy that holds is fetched again after a day, or after half its
 * time (section 5.1), because an id alone can stay the same for ever. */
bool sts_record_due(const struct sts_record *r, struct slice id, int64_t now_s);

#endif
