// SPDX-License-Identifier: ISC
/*
 * resolv.conf(5): the servers to ask, and the time limits.
 */
#ifndef DNS_RESOLV_CONF_H
#define DNS_RESOLV_CONF_H

#include "dns/resolver.h"

/* Add the servers in text to r, and take its options.  Invalid lines are ignored, as libc does. */
void resolv_conf_parse(struct dns_resolver *r, struct slice text);

#endif
