// SPDX-License-Identifier: ISC
/*
 * The chain of filters between the client and the store.  A content streams through all those that
 * the session wants, in the order of the table in filters.c.
 */
#ifndef SESSION_FILTERS_H
#define SESSION_FILTERS_H

#include "message/mend.h"
#include "message/results.h"
#include "message/submission.h"

#define FILTERS 3

struct session;

/* The next step.  ctx is the session. */
typedef void filter_put(void *ctx, struct slice octets);

struct filters {
	bool on[FILTERS];
	filter_put *first;
	struct mend mend;
	struct submission submission;
	struct results results;
};

/* The octets of the envelope that the filters want to fill in after the content. */
size_t filters_room(const struct session *s);

/* A new content.  It goes to store after the last filter. */
void filters_begin(struct session *s, filter_put *store);
void filters_put(struct session *s, struct slice octets);
/* The content is complete: the filters let go of what they hold. */
void filters_end(struct session *s);

#endif
