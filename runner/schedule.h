// SPDX-License-Identifier: ISC
/*
 * Messages that are not to be delivered before a time (FUTURERELEASE, RFC 4865).  Private to runner/.
 */
#ifndef RUNNER_SCHEDULE_H
#define RUNNER_SCHEDULE_H

#include "config/config.h"
#include "queue/run.h"

/* When it may be delivered (unix seconds): when it came in, unless its sender has asked for later. */
int64_t hold_until(const struct queue_entry *e);

/* retry.c: when a message is due again that has been deferred so many times before. */
int64_t retry_due_s(const struct config *c, unsigned attempts, int64_t now_s);

#endif
