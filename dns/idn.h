// SPDX-License-Identifier: ISC
/*
 * Internationalized domain names: what is asked of the DNS for a domain in UTF-8 (RFC 6531 section 3.2, RFC 5891).
 */
#ifndef DNS_IDN_H
#define DNS_IDN_H

#include "dns/resolver.h"

/* The name as the DNS knows it, lower case: the domain itself if it is ASCII, else its A-labels.  False when it is no domain name. */
bool dns_name_from_domain(struct slice domain, char ret[DNS_NAME_MAX]);

#endif
