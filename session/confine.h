// SPDX-License-Identifier: ISC
/*
 * A process gives up what it does not need, in two steps: at its start, and before it reads the
 * first octet from a client.
 */
#ifndef SESSION_CONFINE_H
#define SESSION_CONFINE_H

#include "config/options.h"
#include "queue.h"
#include "session/sandbox.h"

/* Files that are created are private, no core is written, and new privileges cannot be had. */
void confine_prepare(void);

/*
 * Open the queue (unless printing) and enter the sandbox.  A second call does nothing, so a
 * listener confines all its sessions at once.  A listener that finds no queue leaves both to its
 * sessions: each looks for the queue again.  If TLS may begin in another program, the sandbox lets
 * this one execute it.  The other program is confined after it has read its keys.
 */
void confine(enum sandbox_for whom, const struct config *config, const struct options *options,
    bool printing);

/* The folders of the queue that confine() has opened.  0, or the -errno of opening it. */
int confine_queue(struct queue *ret);

#endif
