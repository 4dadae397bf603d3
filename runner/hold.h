// SPDX-License-Identifier: ISC
/*
 * Messages that are not to be delivered before a time (FUTURERELEASE, RFC 4865).  Private to runner/.
 */
#ifndef RUNNER_HOLD_H
#define RUNNER_HOLD_H

#include "queue/run.h"

/* When it may be delivered (unix seconds): when it came in, unless its sender has asked for later. */
int64_t hold_until(const struct queue_entry *e);

#endif
