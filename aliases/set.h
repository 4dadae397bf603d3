// SPDX-License-Identifier: ISC
/*
 * A set of addresses.  The case of a domain does not matter.  The case of a local part does not
 * matter if its mailbox is on this machine.
 */
#ifndef ALIASES_SET_H
#define ALIASES_SET_H

#include "config/config.h"
#include "smtp/address.h"

struct alias_set {
	const struct config *config;
	char **keys;
	size_t n, room;			/* room: a power of two, or 0 */
};

void alias_set_done(struct alias_set *s);

/* 1: it is new; 0: it was there already; -ENOMEM. */
int alias_set_add(struct alias_set *s, const struct smtp_path *path);
bool alias_set_has(const struct alias_set *s, const struct smtp_path *path);

#endif
