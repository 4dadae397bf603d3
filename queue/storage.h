// SPDX-License-Identifier: ISC
/*
 * The promises that a file system must keep for a queue, tested in a folder of its own.
 */
#ifndef QUEUE_STORAGE_H
#define QUEUE_STORAGE_H

#include <stdbool.h>

/* The longest time until one client sees what another one has done. */
#define QUEUE_STORAGE_SEEN_MS 2000

struct queue_storage_result {
	const char *name;	/* one word */
	const char *promise;
	const char *remedy;
	const char *why;	/* what was found instead; NULL: the promise is kept */
};

struct queue_storage {
	const char *directory;
	const char *other;	/* the same folder through another client; NULL: there is none */
	void (*result)(void *ctx, const struct queue_storage_result *result);
	void *ctx;
	unsigned kept, broken;	/* results */
	bool one_client;	/* both folders are on one file system of the kernel */
};

/*
 * Test each promise, in a new folder inside s->directory that is removed at the end.  Processes of
 * its own hold locks and race each other.  0 if all could be tested; -EXDEV if s->other is another
 * folder; -errno.
 */
int queue_storage(struct queue_storage *s);

#endif
