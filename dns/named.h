// SPDX-License-Identifier: ISC
/*
 * The hosts that a route names, in place of a domain's exchangers.
 */
#ifndef DNS_NAMED_H
#define DNS_NAMED_H

#include "dns/mx.h"

#define NAMED_MAX 8

/* A host, by name or address; or the name of SRV records, which begins with "_" (RFC 2782). */
struct named_host {
	const char *name;
	uint16_t port;			/* SRV records have ports of their own */
};

enum named_order {
	NAMED_LISTED,			/* one after the other */
	NAMED_LATENCY,			/* all are equal */
	NAMED_BALANCED,			/* all share the load */
};

/* Look up n hosts, at most NAMED_MAX, without MX.  SRV records keep their priorities, and share
 * the load by weight.  mx_list_done() must follow. */
void named_look_up(const struct dns_resolver *r, const struct named_host *hosts, size_t n,
    enum named_order order, enum address_family family, struct mx_list *ret);

#endif
