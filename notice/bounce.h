// SPDX-License-Identifier: ISC
/*
 * Notices to senders about their recipients (RFC 3461, RFC 3464).  A notice is written to the queue
 * like any message, from <> to the reverse-path.
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

/* The content of one notice: the same news for all its recipients. */
struct bounce_news {
	enum notice_kind action;
	const struct bounce_rcpt *rcpts;
	size_t n;
	int64_t now_s, retry_until_s;	/* the second with NOTICE_DELAYED */
};

/* Queue one notice.  0: it is durable, and ret_id has its queue ID.  Or -errno. */
int bounce_send(const struct queue *q, const struct config *c, struct queue_entry *e,
    const struct bounce_news *news, char ret_id[QUEUE_ID_SIZE]);

#endif
