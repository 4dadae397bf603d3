// SPDX-License-Identifier: ISC
/*
 * Which messages of wait/ wait for which host: lists in state/waiting/, so that a host that is back need not be looked for in
 * every message of a large queue.  Only a hint: what a list names may be gone, and without a list a message comes when it is due.
 */
#ifndef QUEUE_BY_HOST_H
#define QUEUE_BY_HOST_H

#include "queue/run.h"

#define BY_HOST_OCTETS_MAX (4 << 20)	/* of one list, some 140,000 messages: a longer one begins anew */

/* The message waits until due_s, as queue_defer() was told, for host (a name without '/').  0 or -errno. */
int queue_by_host_add(const struct queue *q, const char *host, int64_t due_s, const char *id);

/* At most max of those that were listed last go to cur/, unless they have moved, and off the list; each is told of them.
 * How many were on the list, 0 when none is left; -errno. */
int queue_by_host_take(const struct queue *q, const char *host, unsigned max, queue_visit *each, void *ctx);

/* Lists nothing was added to for so long are of no use any more. */
void queue_by_host_sweep(const struct queue *q, int64_t now_s, int64_t age_s);

/* Somebody wants all hosts to be asked again, also those that fail: a note for the runner, left before the mail that is to
 * profit from it; was there one?  Then it is gone. */
int queue_forgive_hosts(const struct queue *q);
bool queue_hosts_forgiven(const struct queue *q);

#endif
