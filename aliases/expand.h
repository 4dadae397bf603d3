// SPDX-License-Identifier: ISC
/*
 * The expansion of an alias: its final addresses, each once, and the reverse-path for each.
 */
#ifndef ALIASES_EXPAND_H
#define ALIASES_EXPAND_H

#include "aliases/find.h"
#include "aliases/set.h"

/* Limits of one expansion. */
#define ALIASES_DEPTH_MAX    20		/* aliases and lists inside each other */
#define ALIASES_MEMBERS_MAX  10000
#define ALIASES_TARGETS_MAX  100000	/* members with their repetitions */
#define ALIASES_LISTS_MAX    100	/* included files */
#define ALIASES_COPIES_MAX   100	/* different reverse-paths */

enum expansion_end {
	EXPANSION_MADE,
	EXPANSION_LOOP,			/* the alias leads to itself and to nobody else */
	EXPANSION_EMPTY,		/* a list without an address */
	EXPANSION_LATER,		/* a missing or wrong file, or too much: to be mended */
};

/* Members that get the same message. */
struct expansion_copy {
	struct smtp_path sender;	/* owner-NAME; if its n is 0, the reverse-path stays */
	bool self;			/* for the expanded address, which is its own member */
	bool away;			/* for members that expansion_part() has picked */
};

struct expansion_member {
	struct smtp_path path;
	uint32_t copy;
};

struct expansion {
	enum expansion_end end;
	char why[400];			/* the cause of any other end than EXPANSION_MADE */
	struct expansion_copy *copies;
	size_t ncopies;
	struct expansion_member *members;
	size_t n, room;
	size_t known;			/* members that were known already, and are left out */
	bool nothing;			/* a target is /dev/null */
};

/*
 * Expand an address.  An address that is not an alias expands to itself.  Members already in
 * `known` are skipped.  0 or -ENOMEM; expansion_done() must follow in any case.
 */
int alias_expand(struct aliases *a, const struct smtp_path *to, const struct alias_set *known,
    struct expansion *ret);
void expansion_done(struct expansion *x);

/* Give the members that pick() wants a copy of their own, unless theirs has a reverse-path
 * already. */
void expansion_part(struct expansion *x,
    bool (*pick)(const struct config *c, const struct smtp_path *member), const struct config *c);

/* Is it one address in place of another (RFC 3461 section 5.2.7.2)? */
bool expansion_is_single(const struct expansion *x);

#endif
