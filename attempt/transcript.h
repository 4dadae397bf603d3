// SPDX-License-Identifier: ISC
/*
 * The flight recorder: what was asked, said and heard in one attempt at a message, each line with the
 * milliseconds since the attempt began.  Never the content of a message, never a secret.  It is written into
 * the message's log (smtp-queue log ID) when the attempt leaves the message in the queue.
 */
#ifndef ATTEMPT_TRANSCRIPT_H
#define ATTEMPT_TRANSCRIPT_H

#include <stdint.h>

#include "queue/run.h"

#define TRANSCRIPT_HEAD 4096	/* the first lines are always kept: how the host was found and what it offers */
#define TRANSCRIPT_TAIL 8192	/* and the last, where the decision fell */
#define TRANSCRIPT_LINE 600

struct transcript {
	int64_t begun_us;
	size_t head_n, tail_n;
	unsigned dropped;		/* lines between the two */
	char head[TRANSCRIPT_HEAD], tail[TRANSCRIPT_TAIL];
};

/* A new attempt: forget the last.  All others accept a NULL t, and then do nothing. */
void transcript_begin(struct transcript *t);

/* A command line of ours, a line of the peer's reply (with or without line ends; control characters become '?'). */
void transcript_sent(struct transcript *t, struct slice line);
void transcript_heard(struct transcript *t, struct slice line);
/* Anything else: what the DNS said, how dialling went, what TLS came to. */
__attribute__((format(printf, 2, 3))) void transcript_fact(struct transcript *t, const char *format, ...);

/* Append it to the message's log.  0 or -errno: a log is a help, no condition. */
int transcript_write(const struct transcript *t, struct queue_entry *e);

/* Of a message's log: the last lines, at most max, of the last transcript in which host is spoken of (any, if it is empty).
 * Told one by one, without the time of day. */
void transcript_quote(struct slice log, struct slice host, unsigned max,
    void (*line)(void *ctx, struct slice line), void *ctx);

#endif
