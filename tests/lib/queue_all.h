// SPDX-License-Identifier: ISC
/*
 * Walks through a queue's folders to their end; the runner takes some messages at a time.
 */
#ifndef TESTS_LIB_QUEUE_ALL_H
#define TESTS_LIB_QUEUE_ALL_H

#include "queue/run.h"

/* Move all messages of new/ to cur/, whatever each() returns.  Returns their number or -errno. */
__attribute__((unused)) static int
queue_take_new(const struct queue *q, queue_visit *each, void *ctx)
{
	struct queue_walk w = { 0 };
	int n = 0, r;

	do {
		r = queue_walk_new(q, &w, each, ctx);
		n += r > 0 ? r : 0;
	} while (w.names);
	return r < 0 ? r : n;
}

/* Move due messages of wait/ to cur/; everything: due or not.  Returns their number or -errno. */
__attribute__((unused)) static int
queue_take_due(const struct queue *q, int64_t now_s, bool everything, queue_visit *each, void *ctx)
{
	struct queue_walk w = { 0 };
	int n = 0, r;

	do {
		r = queue_walk_due(q, &w, everything ? INT64_MAX : now_s, each, ctx);
		n += r > 0 ? r : 0;
	} while (w.names);
	return r < 0 ? r : n;
}

/* Visit the messages in cur/ until each() returns false.  Returns 0 or -errno. */
__attribute__((unused)) static int
queue_each(const struct queue *q, queue_visit *each, void *ctx)
{
	struct queue_walk w = { 0 };
	int r = queue_walk_cur(q, &w, each, ctx);

	queue_walk_end(&w);
	return r < 0 ? r : 0;
}

__attribute__((unused)) static void
queue_note_failure(void *ctx, const char *id, int error)
{
	(void)id;
	*(int *)ctx = error;
}

/* Recover all of tmp/, a piece at a call.  Returns the number of files moved, or the last error. */
__attribute__((unused)) static int
queue_recover_all(const struct queue *q)
{
	int error = 0, n = 0, r;
	struct queue_recovery v = { .failed = queue_note_failure, .ctx = &error };

	do {
		r = queue_recover(q, &v, 0);
		n += r > 0 ? r : 0;
	} while (queue_recovering(&v));
	return r < 0 ? r : error < 0 ? error : n;
}

#endif
