// SPDX-License-Identifier: ISC
/*
 * Pieces of one slice on their way to the next filter: those that follow each other go there as
 * one.  A header of many short fields would cost a call for each otherwise.  Pure.
 */
#ifndef MESSAGE_JOINED_H
#define MESSAGE_JOINED_H

#include "message/qualify.h"

struct joined {
	qualify_put *put;	/* takes the content */
	void *ctx;
	struct slice run;	/* not put yet; borrowed until joined_flush() */
};

static inline void
joined_flush(struct joined *j)
{
	if (j->run.n)
		j->put(j->ctx, j->run);
	j->run.n = 0;
}

/* Flush before the octets of piece become invalid. */
static inline void
joined_add(struct joined *j, struct slice piece)
{
	if (j->run.n && j->run.p + j->run.n == piece.p) {
		j->run.n += piece.n;
		return;
	}
	joined_flush(j);
	j->run = piece;
}

/* Octets that do not belong to the slice. */
static inline void
joined_put(struct joined *j, struct slice octets)
{
	joined_flush(j);
	if (octets.n)
		j->put(j->ctx, octets);
}

#endif
