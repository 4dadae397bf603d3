// SPDX-License-Identifier: ISC
/*
 * The addresses of exchangers: A and AAAA of many names, in batches.
 */
#ifndef DNS_MX_ADDRESS_H
#define DNS_MX_ADDRESS_H

#include "dns/mx.h"

/* Look up the addresses of e[0..n), in this order, within about budget_ms.  Names not asked by then
 * get DNS_TIMEOUT.  Sets status, addresses and naddresses. */
void mx_addresses(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
    enum address_family family, uint16_t port, int budget_ms);

/* Add an address, with port, if its family is right, a host can have it, and there is room. */
void mx_add_address(struct mx_exchanger *e, const struct sockaddr_storage *address,
    enum address_family family, uint16_t port);

#endif
