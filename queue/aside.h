// SPDX-License-Identifier: ISC
/*
 * Messages that kill what reads them.  Each death of a process is a line in state/deaths/ID.  After
 * QUEUE_DEATHS_MAX of them the message is put aside: it moves to dead/, and the lines become its
 * reason, dead/why/ID.
 */
#ifndef QUEUE_ASIDE_H
#define QUEUE_ASIDE_H

#include "queue.h"

#define QUEUE_DEATHS_MAX 3
#define QUEUE_WHY	 "why"	/* the folder of reasons in dead/ */
#define QUEUE_WHY_MAX	 4096	/* octets of a reason that are used */

/* Count the death of a process that had this message; text is the cause.  The number of deaths, or
 * -errno. */
int queue_death(const struct queue *q, const char *id, const char *text);

/* Move a message from a folder to dead/ with its deaths as the reason.  The file is not read.  0 or
 * -errno. */
int queue_put_aside(const struct queue *q, int from, const char *id);

/* Append the newest line of the reason for which a message of dead/ was put aside, without its
 * time.  False if it was not put aside. */
bool queue_why_aside(const struct queue *q, const char *id, struct buf *b);

/* Call each() for every message that arrived before that time, was put aside, and whose sender
 * waits for a notice, until it returns a value other than 0.  Returns that value, 0, or -errno. */
int queue_each_aside(const struct queue *q, int64_t before_s,
    int (*each)(void *ctx, const char *id), void *ctx);

/* The sender does not wait any more; text is the result.  It joins the reason.  0 or -errno. */
int queue_aside_settled(const struct queue *q, const char *id, const char *text);

/* Forget the deaths of processes that had this message, as it has left the queue. */
void queue_deaths_forget(const struct queue *q, const char *id);

/* Forget deaths without a further one for max_age_s: the message has left the queue since.  Is
 * there any other? */
bool queue_deaths_sweep(const struct queue *q, int64_t now_s, int64_t max_age_s);

#endif
