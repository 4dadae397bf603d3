// SPDX-License-Identifier: ISC
/*
 * Shared by the tests of a file system.  Private to queue/storage*.c.
 */
#ifndef QUEUE_STORAGE_BENCH_H
#define QUEUE_STORAGE_BENCH_H

#include "base/buf.h"

#define STORAGE_ROUNDS 50

struct bench {
	int a, b;		/* an empty folder, through the first and the second client */
	char why[200];		/* of a broken promise */
};

/* Write the reason why a promise is broken.  Always false. */
__attribute__((format(printf, 2, 3))) bool bench_broken(struct bench *b, const char *format, ...);

/* Create a file with these octets.  A promise is broken if that fails.  False then. */
bool bench_put(struct bench *b, int folder, const char *name, struct slice octets);

/* Make a folder and open it.  A descriptor, or -1: a promise is broken. */
int bench_folder(struct bench *b, int folder, const char *name);

/* Call again until it is true, for as long as a client may take to see a change. */
bool bench_wait(bool (*is_so)(void *ctx), void *ctx);

/* The tests of one process and those of two.  False: b->why has the reason. */
bool storage_renames(struct bench *b);
bool storage_keeps_folders(struct bench *b);
bool storage_keeps_open(struct bench *b);
bool storage_syncs(struct bench *b);
bool storage_writes_in_place(struct bench *b);
bool storage_lists(struct bench *b);
bool storage_has_time(struct bench *b);
bool storage_has_modes(struct bench *b);
bool storage_has_space(struct bench *b);
bool storage_creates_once(struct bench *b);
bool storage_claims_once(struct bench *b);
bool storage_replaces(struct bench *b);
bool storage_locks(struct bench *b);
bool storage_shows(struct bench *b);

#endif
