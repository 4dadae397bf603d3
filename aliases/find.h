// SPDX-License-Identifier: ISC
/*
 * Which alias an address is, by the routes and their aliases files.
 */
#ifndef ALIASES_FIND_H
#define ALIASES_FIND_H

#include "aliases/table.h"
#include "config/config.h"

/* The tables of a configuration, each read when it is first asked. */
struct aliases {
	const struct config *config;
	struct alias_table *tables;
	size_t n;			/* 0: no route has aliases */
};

struct alias_hit {
	struct alias_table *table;	/* NULL: the address has none */
	struct alias *alias;
	struct slice domain;		/* of the address, or what stands for it; that of its local targets */
};

/* 0 or -ENOMEM.  Nothing is read yet. */
int aliases_init(struct aliases *a, const struct config *c);
void aliases_done(struct aliases *a);

/* That of a route; NULL: it has none. */
struct alias_table *aliases_table(const struct aliases *a, const struct route *route);

/* Read again what has changed; all pointers into it end. */
void aliases_refresh(struct aliases *a);

/*
 * Is it an alias?  1, 0, or -errno where that cannot be told: ret->table->why says what is wrong with its file.
 * Postmaster is what root is, unless it has an alias of its own (RFC 5321 section 4.5.1).  With refresh a file that has changed
 * is read again, which ends all pointers into it.
 */
int aliases_find(struct aliases *a, const struct smtp_path *to, bool refresh, struct alias_hit *ret);

/* The address of owner-NAME, if the file has it: its mail is what comes back. */
bool aliases_owner(const struct alias_hit *hit, struct smtp_path *ret);

#endif
