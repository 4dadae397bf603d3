// SPDX-License-Identifier: ISC
/*
 * The message that this process has in hands, in memory that outlives the process: the file
 * state/reading, mapped.  The next process finds there the message on which this one died.  A mark
 * costs no system call.
 */
#ifndef QUEUE_READING_H
#define QUEUE_READING_H

#include "queue.h"

/* The message on which the last process died. */
struct queue_reading_left {
	char id[QUEUE_ID_SIZE];
	int signo;			/* a fault of the program; 0: it was killed from outside */
	unsigned killed;		/* without a fault: how often in a row */
};

/* Map the file, and from now on note the faults that end this process: SIGSEGV, SIGABRT and others.
 * True if the last process died with a message, which is *ret. */
bool queue_reading_open(const struct queue *q, struct queue_reading_left *ret);

/* Map the file again after state/ was deleted. */
void queue_reading_renew(const struct queue *q);

/* This process begins to read a message.  Without a map nothing happens. */
void queue_reading_begin(const char *id);

/* This process has read the message. */
void queue_reading_end(void);

#endif
