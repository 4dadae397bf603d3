// SPDX-License-Identifier: ISC
/*
 * hosts(5): names of addresses on this machine.
 */
#ifndef DNS_ETC_HOSTS_H
#define DNS_ETC_HOSTS_H

#include "dns/resolver.h"

#define ETC_HOSTS_FILE "/etc/hosts"

/*
 * Find the addresses of name (lower case, no trailing dot) in text, the content of a hosts file.
 * Returns their number, at most max; the ports are 0.  If the text has no localhost, that name gets
 * the loopback addresses (RFC 6761 section 6.3).
 */
size_t etc_hosts_find(struct slice text, const char *name, struct sockaddr_storage *ret,
    size_t max);

/* Read the file at path.  A file that cannot be read counts as empty.  The text is malloc'ed; NULL
 * without memory. */
char *etc_hosts_read(const char *path, struct slice *ret);

/* Find addresses as etc_hosts_find() does, in the file at path.  A file that cannot be read counts
 * as empty. */
size_t etc_hosts_look_up(const char *path, const char *name, struct sockaddr_storage *ret,
    size_t max);

#endif
