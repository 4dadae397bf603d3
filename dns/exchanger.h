// SPDX-License-Identifier: ISC
/*
 * The parts of a list of exchangers, for those who make one.  Private to the room.
 */
#ifndef DNS_EXCHANGER_H
#define DNS_EXCHANGER_H

#include "dns/mx.h"

/* Get room for n exchangers.  False without memory: the status says so. */
bool mx_new_exchangers(struct mx_list *l, size_t n, struct slice domain);

/* Add an exchanger without an address; there is room for it.  name is shorter than DNS_NAME_MAX. */
struct mx_exchanger *mx_add(struct mx_list *l, const char *name, uint16_t port);

/* Make a list of one host: an address, or a domain without MX.  NULL without memory. */
struct mx_exchanger *mx_only_one(struct mx_list *l, const char *name, uint16_t port);

/* Add an address, if a mail server can have it, it is of the family, and there is room. */
void exchanger_add_address(struct mx_exchanger *e, const struct sockaddr_storage *address,
    enum address_family family);

/* Look up the addresses of n exchangers, several at once, within a time for all. */
void exchangers_look_up(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
    enum address_family family);

/* The reason for having no address.  A temporary reason wins over a permanent one. */
enum dns_status exchanger_worst_status(enum dns_status a, enum dns_status b);

/* Set the detail, a C string: "MX example.org: NXDOMAIN (192.0.2.53)". */
void mx_set_detail(struct mx_list *l, const char *what, struct slice name, const char *outcome,
    const struct dns_resolver *r, size_t server);

/* Set status and detail of a list that is otherwise complete. */
void mx_set_verdict(struct mx_list *l, struct slice domain);

#endif
