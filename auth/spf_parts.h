// SPDX-License-Identifier: ISC
/*
 * Terms and macros of a record of SPF.  Private to the room.
 */
#ifndef AUTH_SPF_PARTS_H
#define AUTH_SPF_PARTS_H

#include "auth/spf.h"

#define SPF_DOMAIN_MAX 253

enum spf_term_kind {
	SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS,
	SPF_REDIRECT, SPF_EXP, SPF_UNKNOWN,
};

struct spf_term {
	enum spf_term_kind kind;
	enum spf_result result;		/* of a mechanism that matches */
	struct slice domain;		/* a domain-spec; empty: none was written */
	unsigned bits4, bits6;
	unsigned char address[16];	/* ip4, ip6 */
};

/* Take the next term of a record.  1; 0 at its end; -1: it breaks the syntax (RFC 7208
 * section 12). */
int spf_term_next(struct slice *rest, struct spf_term *ret);

/* Is it macro-string, as in an explanation (RFC 7208 section 7.1)? */
bool spf_macros_valid(struct slice text, bool explanation);

/* The values that macros stand for. */
struct spf_names {
	const struct spf_client *client;
	struct slice sender, local, sender_domain;
	struct slice domain;		/* the one that is checked now */
	struct slice validated;		/* %{p} */
};

/* Does a macro need the validated name of the client? */
bool spf_macros_ask(struct slice text);

/* Append text with its macros replaced. */
void spf_expand(struct buf *b, const struct spf_names *names, struct slice text);

#endif
