// SPDX-License-Identifier: ISC
/*
 * Short names of hosts, and the names that they may stand for (resolv.conf(5): search, ndots).
 */
#ifndef DNS_SEARCH_H
#define DNS_SEARCH_H

#include "base/buf.h"
#include "dns/resolver.h"

/* Get the name to ask for in step i, from 0, when the operator named a host so.  host is clean:
 * lower case, no trailing dot.  Returns false behind the last step.  A name that is too long is
 * left empty: go on with the next. */
bool search_name(const struct dns_resolver *r, const char *host, size_t i, char ret[DNS_NAME_MAX]);

#endif
