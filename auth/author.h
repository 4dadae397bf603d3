// SPDX-License-Identifier: ISC
/*
 * The domains in the From fields of a message: whom its readers take for its authors.  Pure.
 */
#ifndef AUTH_AUTHOR_H
#define AUTH_AUTHOR_H

#include "auth/dkim_message.h"

#define AUTHOR_DOMAINS_MAX 4	/* distinct ones; the rest is not looked at */
#define AUTHOR_NAME_MAX	   256

struct author {
	size_t nfields;			/* From fields */
	size_t n;			/* domains, in lower case, with A-labels */
	bool more;			/* there are more of them, or one that cannot be read */
	char domains[AUTHOR_DOMAINS_MAX][AUTHOR_NAME_MAX];
};

void author_find(const struct dkim_message *m, struct author *ret);

/* Is the message by one author's domain, which is certain? */
static inline bool
author_is_one(const struct author *a)
{
	return a->nfields == 1 && a->n == 1 && !a->more;
}

#endif
