// SPDX-License-Identifier: ISC
/*
 * The copy of a message for what an alias stands for.  Private to the room.
 */
#ifndef DELIVERY_ALIAS_COPY_H
#define DELIVERY_ALIAS_COPY_H

#include "aliases/expand.h"
#include "queue/run.h"

struct alias_copy {
	const struct queue_entry *e;
	uint32_t rcpt;			/* the alias, in e */
	const struct smtp_path *to;	/* its address, with a domain */
	const struct expansion *expansion;
	uint32_t index;			/* which of expansion->copies */
};

/* Queue it: durable when 0 is returned, with its ID; "" where nobody is left to get it.  -errno. */
int alias_copy_write(const struct queue *q, const struct alias_copy *c, char ret_id[QUEUE_ID_SIZE]);

/*
 * The parameters it has.  From list_owner's point of view the request of a list's sender ends at the list (RFC 3461
 * section 5.2.7.1); that of an alias with several addresses goes on, but for SUCCESS, which is answered here (5.2.7.3).  A time to
 * hold the message until is over, of one to deliver it by some is.  Where nothing says which address the sender has written
 * to, it is the alias: what comes back is to name it.
 */
void alias_copy_from_params(struct slice params, bool list, int64_t age_s, struct buf *b);
void alias_copy_rcpt_params(struct slice params, bool list, bool single, const struct smtp_path *to, struct buf *b);

#endif
