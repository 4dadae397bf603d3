// SPDX-License-Identifier: ISC
/*
 * hosts(5): names that people gave to addresses on this machine.
 */
#ifndef DNS_ETC_HOSTS_H
#define DNS_ETC_HOSTS_H

#include "dns/resolver.h"

/*
 * The addresses of name (lower case, no trailing dot) in text, the content of a hosts file; at most max, port 0.
 * localhost has its own (RFC 6761 section 6.3) where the text does not know it.
 */
size_t etc_hosts_find(struct slice text, const char *name, struct sockaddr_storage *ret, size_t max);

/* The same of the file at path; one that cannot be read is empty. */
size_t etc_hosts_look_up(const char *path, const char *name, struct sockaddr_storage *ret, size_t max);

#endif
