// SPDX-License-Identifier: ISC
/*
 * The tickets of a run: in memory alone, and in none that a worker inherits.  A worker that a host
 * has taken over gets and makes tickets of its own destination, and for connections that verify
 * nothing.
 */
#ifndef RUNNER_TICKETS_H
#define RUNNER_TICKETS_H

#include "attempt/ticket.h"

#define TICKETS_MAX	256
#define TICKETS_OF_ONE	8	/* of one destination */
#define TICKETS_S	3600	/* a ticket is of no use after that */
#define TICKETS_OWNER	512	/* a destination with a longer name has none */

struct tickets {
	struct ticket_slot *slots;	/* NULL: none was kept yet */
	size_t n;			/* slots that were used so far */
	bool failed;			/* there is no memory for them */
	uint64_t turn;
};

/* Keep a ticket that a worker of this destination has left.  now_s is monotonic. */
void tickets_put(struct tickets *t, const char *owner, const struct ticket *ticket, int64_t now_s);

/* Give a ticket away, which no other worker gets.  False if there is none. */
bool tickets_take(struct tickets *t, const char *owner, const struct ticket_kind *kind,
    int64_t now_s, struct ticket *ret);

/* Wipe and free them. */
void tickets_done(struct tickets *t);

#endif
