// SPDX-License-Identifier: ISC
/*
 * A message that a person has given up: its sender is told of the recipients that it still waited for, and it goes.
 */
#ifndef NOTICE_GIVE_UP_H
#define NOTICE_GIVE_UP_H

#include "config/config.h"
#include "attempt/outcome.h"
#include "queue/operator.h"

/* What then is said of each recipient. */
void give_up_outcome(struct outcome *o);

/*
 * Give up a message that nobody is delivering, wherever it lies.  It is put into hold/ first, and stays there if anything
 * fails; the bounce is durable before it goes.  ret_bounce gets the bounce's ID, or "" where nobody was to be told.  A bounce
 * that is given up goes to dead/.  0, -ENOENT when somebody was quicker, -EBUSY when another one is giving it up, -EBADMSG
 * when it is no message, or -errno.
 */
int give_up_message(const struct queue *q, const struct config *c, const struct queue_spot *spot, char ret_bounce[QUEUE_ID_SIZE]);

#endif
