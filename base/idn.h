// SPDX-License-Identifier: ISC
/*
 * Comparing domains.  A domain in U-labels, in any case and composition, is the same as the one in
 * A-labels (RFC 5890 section 2.3.2.4).  Literals of one address are the same, too.
 */
#ifndef BASE_IDN_H
#define BASE_IDN_H

#include "base/buf.h"

/* Octets that a domain is turned into at most; a longer one is compared as it is. */
#define IDN_MAX 1280

struct idn_name {
	char text[IDN_MAX];
};

/* The form that all spellings of a domain share: in lower case, with A-labels.  Names that cannot
 * be converted stay as they are, in lower case.  A literal has its address in the shortest form.
 * The result is in *space, or is domain itself. */
struct slice idn_canonical(struct slice domain, struct idn_name *space);

/* The domain with U-labels in place of its A-labels, as UTF-8.  Labels that are no A-labels stay.
 * The result is in *space, or is domain itself. */
struct slice idn_unicode(struct slice domain, struct idn_name *space);

/* Are these the same domain? */
bool idn_same(struct slice a, struct slice b);

/* The order of two domains: negative, 0 if they are the same, or positive. */
int idn_compare(struct slice a, struct slice b);

/* Are these the same address, local parts in any case?  Both are in canonical form. */
bool idn_same_address(struct slice a, struct slice b);

/* Hash an address or a domain.  All that idn_same() or idn_same_address() takes for the same has
 * one hash. */
uint64_t idn_hash(uint64_t h, struct slice address);

#endif
