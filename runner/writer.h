// SPDX-License-Identifier: ISC
/*
 * A process for one notice.  It reads the message that the notice is about, which may kill it: then
 * the crash has cost nothing.
 */
#ifndef RUNNER_WRITER_H
#define RUNNER_WRITER_H

#include "queue/run.h"

struct runner;

/* The result of the process.  The message may have taken that over. */
struct written {
	int error;			/* 0 or -errno */
	char notice[QUEUE_ID_SIZE];	/* its ID; "": nobody wants one */
	char to[300];			/* the address that gets it, cut if it is too long */
};

/* The messages that the process may change; new ones it may write in any case. */
enum writer_reach { WRITER_CUR, WRITER_DEAD, WRITER_ALL };

/* Let a process call write().  0: *ret is the result; -errno: it could not be started; or the
 * signal that ended it. */
int writer_run(const struct runner *r, enum writer_reach reach,
    void (*write)(const void *ctx, struct written *ret), const void *ctx, struct written *ret);

#endif
