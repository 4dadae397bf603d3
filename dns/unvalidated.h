// SPDX-License-Identifier: ISC
/*
 * Names that DNSSEC can prove nothing about.
 */
#ifndef DNS_UNVALIDATED_H
#define DNS_UNVALIDATED_H

#include <stdbool.h>

/* Is the name never in the public DNS, so that only the resolvers of this network know it: a name
 * without a dot, a name for special use (RFC 6761), or one of RFC 6762 appendix G?  Or is it, or a
 * name above it, in the list `more`, which has blanks between its names; NULL: no list? */
bool dns_is_private(const char *name, const char *more);

#endif
