// SPDX-License-Identifier: ISC
/*
 * What the sender of a message is told of its recipients (RFC 3461, RFC 3464): who wants to hear what, and the notice itself.
 * It is written into the queue like any other message, from <> to the reverse-path.
 */
#ifndef NOTICE_BOUNCE_H
#define NOTICE_BOUNCE_H

#include "config/config.h"
#include "attempt/outcome.h"
#include "attempt/owed.h"
#include "queue/run.h"

struct bounce_rcpt {
	uint32_t rcpt;			/* index into e->rcpts */
	const struct outcome *outcome;
};

/* What one notice says: the same of all its recipients. */
struct bounce_news {
	enum notice_kind action;
	const struct bounce_rcpt *rcpts;
	size_t n;
	int64_t now_s, retry_until_s;	/* the latter with NOTICE_DELAYED */
};

/* Queue one notice: durable when 0 is returned, ret_id then holds its queue ID. -errno. */
int bounce_send(const struct queue *q, const struct config *c, struct queue_entry *e, const struct bounce_news *news,
    char ret_id[QUEUE_ID_SIZE]);

#endif
