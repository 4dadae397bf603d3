// SPDX-License-Identifier: ISC
/*
 * resolv.conf(5), the part of it that says whom to ask and how patiently.
 */
#ifndef DNS_RESOLV_CONF_H
#define DNS_RESOLV_CONF_H

#include "dns/resolver.h"

/* Add the servers in text to r, and take its options.  Lines that make no sense are passed over, as libc does. */
void resolv_conf_parse(struct dns_resolver *r, struct slice text);

#endif
