// SPDX-License-Identifier: ISC
/*
 * The Sender Policy Framework (RFC 7208): may this address send mail of that domain?  Pure.
 */
#ifndef AUTH_SPF_H
#define AUTH_SPF_H

#include "auth/ask.h"
#include "base/buf.h"

#define SPF_LOOKUPS_MAX 10	/* terms that ask the DNS (RFC 7208 section 4.6.4) */
#define SPF_VOID_MAX	2	/* of these, terms without an answer */
#define SPF_NAMES_MAX	10	/* exchangers of one term, and names of an address */
#define SPF_TEXT_MAX	500	/* octets of an explanation */

enum spf_result {
	SPF_PENDING,		/* answers are missing; begin anew with them */
	SPF_NONE, SPF_NEUTRAL, SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_TEMPERROR, SPF_PERMERROR,
};

struct spf_client {
	bool ipv6;
	unsigned char address[16];	/* 4 or 16 octets */
	struct slice helo;		/* the name in HELO or EHLO */
	struct slice receiver;		/* our own name */
	int64_t now_s;			/* unix seconds */
};

/*
 * Check the domain of sender: the reverse-path, or "postmaster@" with the name in HELO.  why gets
 * the reason of an error (a literal).  explanation gets the words of the domain about a failure,
 * and stays empty without any; NULL: they are not asked for.
 */
enum spf_result spf_check(const struct auth_dns *dns, const struct spf_client *client,
    struct slice sender, const char **why, struct buf *explanation);

/* The word for Authentication-Results. */
const char *spf_word(enum spf_result result);

#endif
