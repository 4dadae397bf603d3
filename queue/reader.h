// SPDX-License-Identifier: ISC
/*
 * A process that reads messages for this one.  If it dies on one, this process gets the signal: the
 * crash has cost nothing.
 */
#ifndef QUEUE_READER_H
#define QUEUE_READER_H

#include <sys/types.h>

#include "queue/run.h"

#define QUEUE_READER_MAX 256	/* messages of one call */

/* Zeroed before the first use.  The process starts with the first message. */
struct queue_reader {
	/* In the process: writes what the caller needs of a message.  error: of its loading, or 0.
	 * Without room it sets to->full.  May be NULL. */
	void (*write)(const void *ctx, struct queue_entry *e, int error, struct buf *to);
	const void *ctx;

	/* The rest is its own. */
	pid_t pid;			/* 0: there is no process */
	int fd;
	struct queue_reader_page *page;	/* shared with the process */
};

/* The process has read a message, or died on it. */
struct queue_reader_reply {
	int signo;			/* the signal that ended it; 0: it lives */
	/* Its text.  A message that has taken the process over may have written it, and may change
	 * it at any time: it is to be copied before it is looked at. */
	struct slice octets;
};

/* Gets the reply for message i, borrowed for the call. */
typedef void queue_reader_take(void *ctx, size_t i, const struct queue_reader_reply *reply);

/* Let the process read n messages of a folder, which is the same in each call.  Returns the number
 * of replies, which are for the first messages: fewer than n if no process can be started. */
size_t queue_reader_ask(struct queue_reader *r, int folder, char (*ids)[QUEUE_ID_SIZE], size_t n,
    queue_reader_take *take, void *ctx);

/* The same without what it writes: ret_signals[i] is the signal that ended the process at message
 * i, or 0.  Without a process all are 0. */
void queue_reader_try(struct queue_reader *r, int folder, char (*ids)[QUEUE_ID_SIZE], size_t n,
    int *ret_signals);

/* End the process.  The folder may be another one after that. */
void queue_reader_end(struct queue_reader *r);

#endif
