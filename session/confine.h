// SPDX-License-Identifier: ISC
/*
 * When which sandbox is entered, and what has to be opened before: the queue.  As a part of the main it
 * logs.
 */
#ifndef SESSION_CONFINE_H
#define SESSION_CONFINE_H

#include "config/options.h"
#include "queue.h"
#include "session/sandbox.h"

/*
 * Open the queue (unless printing) and give up what serving clients does not need.  A listener does it once for
 * all its sessions, which call it again for nothing; one that finds no queue leaves it to them, and each looks for
 * the queue again.  Where TLS may begin, by becoming another program, that must still be possible; the other
 * program calls it between reading its keys and the handshake.
 */
void confine(enum sandbox_for whom, const struct config *config, const struct options *options, bool printing);

/* The queue's folders as opened by it.  0, or why not: -errno. */
int confine_queue(struct queue *ret);

#endif
