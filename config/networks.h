// SPDX-License-Identifier: ISC
/*
 * Values that are lists of networks or addresses, separated by blanks.
 */
#ifndef CONFIG_NETWORKS_H
#define CONFIG_NETWORKS_H

#include "base/buf.h"
#include "config/config.h"

/* Networks and the word local.  0 with memory of the pool; -EINVAL with what to do about it in why;
 * -ENOMEM. */
int networks_parse(struct slice value, struct network_list *ret, struct buf *why);

/* Read addresses: of resolvers, which may have ports, or of sources, which have none.  For
 * resolvers, the word `system` is an empty list.  Returns as networks_parse(). */
int networks_addresses(struct slice value, bool resolver, struct address_list *ret,
    struct buf *why);

#endif
