// SPDX-License-Identifier: ISC
/*
 * Is the client of a session listed in the DNS?  All lists are asked at once, for the first
 * recipient that is not the postmaster.
 */
#ifndef VERIFY_LISTS_H
#define VERIFY_LISTS_H

#include "config/config.h"
#include "verify/check.h"

struct lists {
	bool asked;			/* the verdict is known */
	struct buf reply;		/* the refusal; empty: the client is not listed */
	char space[600];
};

/* Prepare to share what lists are of no use.  Before the processes of connections begin. */
void lists_share(void);

/* A new client. */
static inline void
lists_begin(struct lists *l)
{
	l->asked = false;
	l->reply.n = 0;
}

/* The refusal of a recipient, the path in <>; empty: it is accepted. */
struct slice lists_refusal(struct lists *l, const struct config *config,
    const struct dns_resolver *r, const struct check_client *client, struct slice rcpt);

#endif
