// SPDX-License-Identifier: ISC
/*
 * The addresses of exchangers: A and AAAA of many names, a batch at a time.
 */
#ifndef DNS_MX_ADDRESS_H
#define DNS_MX_ADDRESS_H

#include "dns/mx.h"

/* Look up the addresses of e[0..n), in this order, all within about budget_ms: what has not been asked by then is
 * DNS_TIMEOUT.  Fills in status, addresses, naddresses. */
void mx_addresses(const struct dns_resolver *r, struct mx_exchanger *e, size_t n, enum address_family family,
    uint16_t port, int budget_ms);

/* Add one, with port, if it is of the family, can be a host's, and there is room. */
void mx_add_address(struct mx_exchanger *e, const struct sockaddr_storage *address, enum address_family family,
    uint16_t port);

#endif
