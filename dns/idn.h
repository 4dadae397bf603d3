// SPDX-License-Identifier: ISC
/*
 * Internationalized domain names: the name to ask the DNS for (RFC 5891, RFC 6531 section 3.2).
 */
#ifndef DNS_IDN_H
#define DNS_IDN_H

#include "dns/resolver.h"

/* Convert a domain to the name in the DNS, in lower case: an ASCII domain stays as it is, others
 * become A-labels.  False if it is no domain name. */
bool dns_name_from_domain(struct slice domain, char ret[DNS_NAME_MAX]);

#endif
