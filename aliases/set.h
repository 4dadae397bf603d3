// SPDX-License-Identifier: ISC
/*
 * A set of mailboxes.  Two spellings of one are one: domains in any case, and local parts too where we know the host, which is
 * this one.
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

/* 1: it is new; 0: it was there; -ENOMEM. */
int alias_set_add(struct alias_set *s, const struct smtp_path *path);
bool alias_set_has(const struct alias_set *s, const struct smtp_path *path);

#endif
