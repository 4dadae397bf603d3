// SPDX-License-Identifier: ISC
/*
 * The messages of wait/ by the host they wait for: lists in state/waiting/.  After a host is back,
 * a large queue need not be searched for its messages.  A list is only a hint: a message on it may
 * be gone.  A message without a list entry still becomes due at its time.
 */
#ifndef QUEUE_BY_HOST_H
#define QUEUE_BY_HOST_H

#include "queue/run.h"

/* Octets of one list, some 140,000 messages; a longer list is emptied. */
#define BY_HOST_OCTETS_MAX (4 << 20)

/* Note that a message waits for host (a name without '/') until due_s, the time given to
 * queue_defer().  0 or -errno. */
int queue_by_host_add(const struct queue *q, const char *host, int64_t due_s, const char *id);

/* Take at most max of the newest records off the list of host.  Each message that has not moved
 * goes to cur/, and each() gets its ID.  Returns the number of records taken, 0 if the list is
 * empty; or -errno. */
int queue_by_host_take(const struct queue *q, const char *host, unsigned max, queue_visit *each,
    void *ctx);

/* The number of records on the list of host; some of their messages may have moved since. */
uint64_t queue_by_host_count(const struct queue *q, const char *host);

/* The number of messages that wait for host.  A list of more than 64 KB counts by its length, as to
 * look for the messages takes too long. */
uint64_t queue_by_host_waiting(const struct queue *q, const char *host);

/* Calls each() with each host that has a list; it returns 0, or -errno to stop.  0 or -errno. */
int queue_by_host_each(const struct queue *q, int (*each)(void *ctx, const char *host), void *ctx);

/* Remove the lists to which nothing was added for age_s seconds. */
void queue_by_host_sweep(const struct queue *q, int64_t now_s, int64_t age_s);

/* Leave a note for the runner: all hosts are to be tried again, also those that fail.  It must be
 * written before the mail that needs it.  0 or -errno. */
int queue_forgive_hosts(const struct queue *q);

/* Take the note of queue_forgive_hosts() away.  True if there was one. */
bool queue_hosts_forgiven(const struct queue *q);

#endif
