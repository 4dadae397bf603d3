// SPDX-License-Identifier: ISC
/*
 * The findings about one message, for a report to the domain of its policy
 * (RFC 9990 section 3.1.1).  It is a line of text, which a program with more rights reads: so each
 * octet of a line is checked.  Pure.
 */
#ifndef AUTH_FINDING_H
#define AUTH_FINDING_H

#include "auth/dkim_signature.h"
#include "auth/spf.h"

#define FINDING_SIGNATURES 8
#define FINDING_LINE_MAX   6144	/* octets with LF */

/* The fate of the message. */
enum finding_action { FINDING_NONE, FINDING_PASSED, FINDING_QUARANTINE, FINDING_REJECT };

/* Why that is not what the policy wants. */
enum finding_reason {
	FINDING_NO_REASON, FINDING_LOCAL_POLICY, FINDING_TEST_MODE, FINDING_FORWARDER,
};

struct finding {
	int64_t time_s;
	struct slice client;		/* its address, as text */
	struct slice policy;		/* the domain of the policy */
	struct slice author;		/* the domain in From */
	enum finding_action action;
	enum finding_reason reason;
	bool dkim, spf;			/* each one's name is the author's, and is proven */
	bool null_path;			/* the reverse-path is <>, and SPF was checked for HELO */
	struct slice sender;		/* the name that SPF was checked for; empty: none */
	enum spf_result spf_result;
	size_t nsignatures;
	struct finding_signature {
		struct slice domain, selector;
		enum dkim_result result;
	} signatures[FINDING_SIGNATURES];
};

/* Add a line.  False if a name has octets that no report should have; b is unchanged then.
 * Signatures and senders with such names are left out. */
bool finding_put(const struct finding *f, struct buf *b);

/* Read a line without its LF; *ret borrows from it.  False if it is none that finding_put()
 * writes. */
bool finding_take(struct slice line, struct finding *ret);

/* The words of RFC 9990. */
const char *finding_action_word(enum finding_action action);
const char *finding_reason_word(enum finding_reason reason);

#endif
