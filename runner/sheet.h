// SPDX-License-Identifier: ISC
/*
 * All that the runner must know of a message.  The process that reads messages makes a sheet, and
 * the runner takes it as the word of a stranger: a message may have taken over that process.
 */
#ifndef RUNNER_SHEET_H
#define RUNNER_SHEET_H

#include <signal.h>

#include "attempt/deadline.h"
#include "config/dkim.h"
#include "queue/reader.h"
#include "runner/rates.h"

struct sheet_rcpt {
	const struct route *route;	/* without aliases */
	size_t local;			/* octets of the path before its domain */
	/* The report of the last attempt, if the sender's deadline has passed. */
	struct slice last;
	struct rates_wait wait;		/* for the rate of its destination */
	bool wants_failed, wants_delayed;	/* notices */
};

struct sheet {
	/* Without a descriptor, parameters and facts.  The domains of its recipients are in
	 * canonical form, and are no part of their paths. */
	struct queue_entry e;
	struct sheet_rcpt *rcpts;
	struct deadline deadline;
	int64_t release_s;		/* the first attempt is not before */
	unsigned rank;
	uint64_t sender;		/* whose lines it has (runner/rates.h) */
	bool released;			/* by an operator, after a filter wanted it held */
	struct dkim_right right;
};

/* Write the sheet of a loaded message, or the error of its loading (-errno).  b is full if it has
 * no room. */
void sheet_write(const struct config *c, struct queue_entry *e, int error, struct buf *b);

/* Read the sheet of the message `id`.  Another process may change the octets meanwhile.
 * sheet_done() must follow a success.  0; the error of the loading; -EPROTO if it is no sheet;
 * -ENOMEM. */
int sheet_read(const struct config *c, const char *id, struct slice octets, struct sheet *ret);

#define SHEET_BROKEN SIGSYS	/* stands for a death: the process wrote what is no sheet */

/* Let the process write the sheets of messages of cur/, as queue_reader_ask() does. */
size_t sheet_ask(struct queue_reader *reader, const struct config *c, const struct queue *q,
    char (*ids)[QUEUE_ID_SIZE], size_t n, queue_reader_take *take, void *ctx);

/* The sheet of one message of cur/.  0, as of sheet_read(); -EPROTO also if the process died, and
 * *ret_signo is the signal or SHEET_BROKEN; -EAGAIN if it cannot be started; the error of the
 * loading. */
int sheet_get(struct queue_reader *reader, const struct config *c, const struct queue *q,
    const char *id, struct sheet *ret, int *ret_signo);

/* Open the message, to change it.  0 or -errno. */
int sheet_open(const struct queue *q, struct sheet *s);

/* Free the sheet, and close the message. */
void sheet_done(struct sheet *s);

#endif
