// SPDX-License-Identifier: ISC
/*
 * A whole message goes through the filters, before it is durable.  Each sees it as the former has
 * left it; all their edits are written at once, when the last has answered.
 */
#ifndef SESSION_SCREEN_H
#define SESSION_SCREEN_H

#include "smtp/reply.h"

struct session;

/* True if the message may be committed, or discarded (milters_discard()).  False: *ret is the
 * reply.  An error of the queue goes into the content. */
bool screen_message(struct session *s, struct smtp_reply *ret);

#endif
