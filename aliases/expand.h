// SPDX-License-Identifier: ISC
/*
 * What an alias comes to in the end: mailboxes, each once, and which reverse-path they are sent from.
 */
#ifndef ALIASES_EXPAND_H
#define ALIASES_EXPAND_H

#include "aliases/find.h"
#include "aliases/set.h"

#define ALIASES_DEPTH_MAX    20		/* aliases and lists inside each other */
#define ALIASES_MEMBERS_MAX  10000	/* of one expansion */
#define ALIASES_TARGETS_MAX  100000	/* the same, with those that are told twice */
#define ALIASES_LISTS_MAX    100	/* included files */
#define ALIASES_COPIES_MAX   100	/* with different reverse-paths */

enum expansion_end {
	EXPANSION_MADE,
	EXPANSION_LOOP,			/* it leads to itself and to nobody else */
	EXPANSION_EMPTY,		/* a list without an address */
	EXPANSION_LATER,		/* a file that is missing or wrong, or too much: somebody has to mend it */
};

/* What goes out as one message. */
struct expansion_copy {
	struct smtp_path sender;	/* owner-NAME; n 0: the original's */
	bool self;			/* to the address that is expanded, which is its own member */
};

struct expansion_member {
	struct smtp_path path;
	uint32_t copy;
};

struct expansion {
	enum expansion_end end;
	char why[400];			/* unless it was made */
	struct expansion_copy *copies;
	size_t ncopies;
	struct expansion_member *members;
	size_t n, room;
	size_t known;			/* members that are left out, because known had them */
	bool nothing;			/* some of it goes to /dev/null */
};

/*
 * Expand the address of a recipient that may be an alias; one that is none is its own only member.  Members that are in known are
 * left out.  ret is to be freed whatever the end is.  0 or -ENOMEM.
 */
int alias_expand(struct aliases *a, const struct smtp_path *to, const struct alias_set *known, struct expansion *ret);
void expansion_done(struct expansion *x);

/* Is it one address for another and no more: what RFC 3461 section 5.2.7.2 calls an alias? */
bool expansion_is_single(const struct expansion *x);

#endif
