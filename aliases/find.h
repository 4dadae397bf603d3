// SPDX-License-Identifier: ISC
/*
 * Finds the alias of an address, by the routes and their aliases files.
 */
#ifndef ALIASES_FIND_H
#define ALIASES_FIND_H

#include "aliases/table.h"
#include "config/config.h"

/* The aliases files of a configuration, each read on its first use. */
struct aliases {
	const struct config *config;
	struct alias_table *tables;
	size_t n;			/* 0: no route has aliases */
};

struct alias_hit {
	struct alias_table *table;	/* NULL: the route has no aliases */
	struct alias *alias;
	struct slice domain;		/* domain of the address; targets without one get it */
};

/* Read nothing yet.  0 or -ENOMEM. */
int aliases_init(struct aliases *a, const struct config *c);
void aliases_done(struct aliases *a);

/* The table of a route; NULL if it has no aliases. */
struct alias_table *aliases_table(const struct aliases *a, const struct route *route);

/* Read changed files again.  All pointers into their tables end. */
void aliases_refresh(struct aliases *a);

/*
 * Is the address an alias?  1, 0, or -errno if its file cannot be used: ret->table->why has the
 * cause.  Postmaster without an alias of its own has that of root (RFC 5321 section 4.5.1).
 * refresh: read the file again if it has changed; all pointers into its table end.
 */
int aliases_find(struct aliases *a, const struct smtp_path *to, bool refresh,
    struct alias_hit *ret);

/* The address owner-NAME, if the file has it: notices go to it. */
bool aliases_owner(const struct alias_hit *hit, struct smtp_path *ret);

#endif
