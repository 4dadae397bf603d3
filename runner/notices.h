// SPDX-License-Identifier: ISC
/*
 * The sender's notices of one message at the end of a run: who is to be told what, collected, then sent.  Private to runner/.
 */
#ifndef RUNNER_NOTICES_H
#define RUNNER_NOTICES_H

#include "notice/bounce.h"
#include "runner/internal.h"

struct notices {
	struct {
		struct bounce_rcpt *rcpts;
		size_t n;
	} of[NOTICE_KINDS];
	struct bounce_rcpt *space;
};

/* Room for nrcpts recipients; 0 or -ENOMEM. */
int notices_init(struct notices *n, size_t nrcpts);
void notices_done(struct notices *n);

/* The outcome stays the caller's, and there until notices_send(). */
void notices_add(struct notices *n, enum notice_kind action, uint32_t rcpt, const struct outcome *o);

/* Queue them, then mark what they tell of.  How many recipients are still to be told, as the queue could not be written. */
size_t notices_send(struct runner *r, struct queue_entry *e, const struct notices *n);

#endif
