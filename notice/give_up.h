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
 * Give up a message that is not being delivered, in any folder.  It is moved to hold/ first, and
 * stays there after an error.  The bounce is durable before the message is removed.  ret_bounce
 * gets the ID of the bounce, or "" if none was wanted.  A bounce that is given up goes to dead/.
 * 0; -ENOENT if it has moved; -EBUSY if another process is giving it up; -EBADMSG if it is no
 * message; -errno.
 */
int give_up_message(const struct queue *q, const struct config *c, const struct queue_spot *spot,
    char ret_bounce[QUEUE_ID_SIZE]);

#endif
