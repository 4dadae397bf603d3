// SPDX-License-Identifier: ISC
/*
 * Giving up a message: its sender gets a notice about the recipients that were not delivered, and
 * the message is removed.
 */
#ifndef NOTICE_GIVE_UP_H
#define NOTICE_GIVE_UP_H

#include "config/config.h"
#include "attempt/outcome.h"
#include "queue/operator.h"

/* Set the outcome of each recipient that is given up. */
void give_up_outcome(struct outcome *o);

/*
 * Give up a message that was put aside in dead/, where it stays: its sender gets a notice, and its
 * recipients are marked.  ret_bounce is as for give_up_message(); to gets the sender's address, cut
 * if it is too long.  0 or -errno, as of queue_load_at().
 */
int give_up_aside(const struct queue *q, const struct config *c, const char *id,
    char ret_bounce[QUEUE_ID_SIZE], struct buf *to);

/*
 * Give up a message that is not being delivered, in any folder.  It is moved to hold/ first, and
 * stays there after an error.  The bounce is durable before the message is removed.  ret_bounce
 * gets the ID of the bounce, or "" if none was wanted.  A bounce that is given up goes to dead/.
 * 0; -ENOENT if it has moved; -EBUSY if another process is giving it up; -EBADMSG if it is no
 * message; -errno.
 */
int give_up_message(const struct queue *q, const struct config *c, const struct queue_spot *spot,
    char ret_bounce[QUEUE_ID_SIZE]);

#endif
