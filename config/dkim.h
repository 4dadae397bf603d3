// SPDX-License-Identifier: ISC
/*
 * The sections [dkim]: a domain, and the keys that sign its mail.
 */
#ifndef CONFIG_DKIM_H
#define CONFIG_DKIM_H

#include "config/config.h"

enum dkim_key { DKIM_SELECTOR, DKIM_KEY, DKIM_KEYS };

#define DKIM_KEY_NAMES "selector, key"
#define DKIM_PAIRS_MAX 4	/* signatures of one message */

/* The key of that name; false if there is none. */
bool dkim_key(struct slice name, enum dkim_key *ret);

/* Set one key.  0; -EINVAL with what to do about it in why; -ENOMEM. */
int dkim_set(struct dkim_domain *d, enum dkim_key key, struct slice value, struct buf *why);

/* A selector and its key: the first of each list belong together, and so on. */
struct dkim_pair {
	struct slice domain, selector, key;
	struct slice selectors, keys;	/* behind them */
};

/* The next pair of a domain; all zero before the first.  False at the end. */
bool dkim_next_pair(const struct dkim_domain *d, struct dkim_pair *pair);

/* The mistake of a section as a whole, a literal; or NULL. */
const char *dkim_mistake(const struct dkim_domain *d);

/* The section of a name, or else the one of the nearest domain above it.  NULL: there is none. */
const struct dkim_domain *dkim_domain_of(const struct config *c, struct slice name);

/* The signatures that mail of a sender may have.  From is what a client wrote, and only some
 * clients may write it. */
enum dkim_scope {
	DKIM_NONE,
	DKIM_OWN,		/* of the sender's own domain */
	DKIM_ANY,
	DKIM_SCOPES
};

struct dkim_right {
	enum dkim_scope scope;
	struct slice domain;	/* of DKIM_OWN */
};

struct dkim_right dkim_right(const struct config *c, struct sender sender);

/* The section that signs mail with this right and with From in the domain `author`.  NULL: none
 * may. */
const struct dkim_domain *dkim_section(const struct config *c, struct dkim_right right,
    struct slice author);

void dkim_done(struct dkim_domain *d);

#endif
