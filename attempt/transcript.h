// SPDX-License-Identifier: ISC
/*
 * The transcript of one attempt: commands, replies and facts, each with the milliseconds since the
 * start.  It never holds the content of a message, or a secret.  If the message stays in the queue,
 * it is written to the message's log (smtp-queue log ID).
 */
#ifndef ATTEMPT_TRANSCRIPT_H
#define ATTEMPT_TRANSCRIPT_H

#include <stdint.h>

#include "queue/run.h"

/* Octets of the first lines, always kept: the connection and the EHLO reply. */
#define TRANSCRIPT_HEAD 4096
#define TRANSCRIPT_TAIL 8192	/* octets of the last lines, with the decision */
#define TRANSCRIPT_LINE 600

struct transcript {
	int64_t begun_us;
	size_t head_n, tail_n;
	unsigned dropped;		/* lines lost between the two */
	char head[TRANSCRIPT_HEAD], tail[TRANSCRIPT_TAIL];
};

/* Start a new transcript; the old one is dropped.  This and the next functions accept NULL, and
 * then do nothing. */
void transcript_begin(struct transcript *t);

/* Add a command of ours, with or without line end.  Control characters become '?'. */
void transcript_sent(struct transcript *t, struct slice line);

/* Add a line of the peer's reply, with or without line end.  Control characters become '?'. */
void transcript_received(struct transcript *t, struct slice line);

/* Add a fact: an answer of the DNS, a result of dialling or of TLS. */
__attribute__((format(printf, 2, 3)))
void transcript_fact(struct transcript *t, const char *format, ...);

/* Append the transcript to the log of the message.  0 or -errno; callers may ignore it, because a
 * log is only a help. */
int transcript_write(const struct transcript *t, struct queue_entry *e);

/* Quote a log: find the last transcript that mentions host (any transcript if it is empty).  line()
 * gets its last lines, at most max, one by one and without the time of day. */
void transcript_quote(struct slice log, struct slice host, unsigned max,
    void (*line)(void *ctx, struct slice line), void *ctx);

#endif
