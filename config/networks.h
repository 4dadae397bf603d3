// SPDX-License-Identifier: ISC
/*
 * Lists of networks and of addresses, separated by blanks, as the configuration has them.
 */
#ifndef CONFIG_NETWORKS_H
#define CONFIG_NETWORKS_H

#include "base/buf.h"
#include "config/config.h"

/* Networks, and the word local.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int networks_parse(struct slice value, struct network_list *ret, struct buf *why);

/* Addresses: with ports for servers (or the word system, which is none), without for sources. */
int networks_addresses(struct slice value, bool resolver, struct address_list *ret, struct buf *why);

#endif
