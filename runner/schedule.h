// SPDX-License-Identifier: ISC
/*
 * When a message is due: its first attempt, if its sender has asked for a later time, and the next
 * attempt after a deferral.
 */
#ifndef RUNNER_SCHEDULE_H
#define RUNNER_SCHEDULE_H

#include "attempt/deadline.h"
#include "config/config.h"
#include "queue/run.h"

/* The time from which the message may be delivered: its arrival, or later by HOLDFOR or HOLDUNTIL
 * (FUTURERELEASE, RFC 4865). */
int64_t schedule_release_s(const struct queue_entry *e);

/* The time until which the message must wait for its first attempt, at most until its deadline
 * if it is given back then (RFC 2852).  0: it may be delivered now.  release_s: of
 * schedule_release_s(). */
int64_t schedule_postpone_s(int64_t arrived_s, int64_t release_s, const struct deadline *d,
    int64_t now_s);

/* The time of the next attempt after this many deferrals: retry-min, doubled with each up to
 * retry-max, a tenth more or less (RFC 5321 section 4.5.4.1).  The second now_s may be over. */
int64_t schedule_retry_s(const struct config *c, unsigned attempts, int64_t now_s);

/* The attempts that fit into the lifetime of a message, at most that many. */
unsigned schedule_attempts(const struct config *c, unsigned most);

#endif
