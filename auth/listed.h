// SPDX-License-Identifier: ISC
/*
 * Lists of addresses in the DNS (RFC 5782).  Pure.
 */
#ifndef AUTH_LISTED_H
#define AUTH_LISTED_H

#include "auth/ask.h"
#include "base/buf.h"
#include "config/dnsbl.h"

enum listed {
	LISTED_PENDING,
	LISTED_NO,		/* also if there is no answer */
	LISTED_YES,
	LISTED_LIES,		/* the answer is none that a list gives: the list is of no use */
};

/* The name under which a list has an address: 4 or 16 octets. */
void listed_name(struct buf *b, bool ipv6, const unsigned char *address, struct slice zone);

/* Look an address up in a list. */
enum listed listed_check(const struct auth_dns *dns, const struct dnsbl *list, bool ipv6,
    const unsigned char *address);

/* The text of the list about the address, in printable ASCII; empty without one.  False while it is
 * not known. */
bool listed_text(const struct auth_dns *dns, const struct dnsbl *list, bool ipv6,
    const unsigned char *address, struct buf *b);

#endif
