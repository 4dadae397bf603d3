// SPDX-License-Identifier: ISC
/*
 * A process that reads messages before this one does.  If it dies on one, this process is told by
 * which signal, and does not read that message: the crash has cost nothing.
 */
#ifndef QUEUE_READER_H
#define QUEUE_READER_H

#include <sys/types.h>

#include "queue/run.h"

#define QUEUE_READER_MAX 256	/* messages of one call */

/* Zeroed before the first use.  The process starts with the first message. */
struct queue_reader {
	/* Reads what the caller will read of a loaded message.  May be NULL. */
	void (*read)(const struct queue_entry *e);

	/* The rest is its own. */
	pid_t pid;			/* 0: there is no process */
	int fd, folder;
	struct queue_reader_page *page;	/* shared with the process */
};

/* Let the process read n messages of a folder, which is the same in each call.  ret_signals[i] is
 * the signal that ended the process at message i, or 0.  Without a process all are 0. */
void queue_reader_try(struct queue_reader *r, int folder, char (*ids)[QUEUE_ID_SIZE], size_t n,
    int *ret_signals);

/* End the process.  The folder may be another one after that. */
void queue_reader_end(struct queue_reader *r);

#endif
