// SPDX-License-Identifier: ISC
/*
 * The copy of a message for the addresses that an alias stands for.
 */
#ifndef DELIVERY_ALIAS_COPY_H
#define DELIVERY_ALIAS_COPY_H

#include "aliases/expand.h"
#include "queue/run.h"

struct alias_copy {
	const struct queue_entry *e;
	uint32_t rcpt;			/* index of the alias in e->rcpts */
	const struct smtp_path *to;	/* the alias's address, with a domain */
	const struct expansion *expansion;
	uint32_t index;			/* index of the copy in expansion->copies */
	bool verp;			/* each member gets a reverse-path of its own */
	const struct smtp_path *returns;	/* reverse-path of copies that go away */
};

/* Queue a copy, durably.  0 with its ID, or with "" if it has no recipients; or -errno. */
int alias_copy_write(const struct queue *q, const struct alias_copy *c, char ret_id[QUEUE_ID_SIZE]);

/*
 * Add the parameters of the copy to b.  At a list with an owner the request of the sender ends
 * (RFC 3461 section 5.2.7.1).  At an alias with several addresses it goes on, but for SUCCESS: the
 * alias itself answers that (5.2.7.3).
 */
void alias_copy_from_params(struct slice params, bool list, int64_t age_s, struct buf *b);
void alias_copy_rcpt_params(struct slice params, bool list, bool single,
    const struct smtp_path *to, struct buf *b);

#endif
