// SPDX-License-Identifier: ISC
/*
 * The notice to the sender that mail could not be delivered, or is late (RFC 3464, multipart/report).  Written into the
 * queue like any other message, from <> to the reverse-path.
 */
#ifndef DELIVERY_BOUNCE_H
#define DELIVERY_BOUNCE_H

#include "base/config.h"
#include "delivery/outcome.h"
#include "queue.h"

enum bounce_action { BOUNCE_FAILED, BOUNCE_DELAYED };

struct bounce_rcpt {
	uint32_t rcpt;			/* index into e->rcpts */
	const struct outcome *outcome;
};

/* What one notice says: the same of all its recipients. */
struct bounce_news {
	enum bounce_action action;
	const struct bounce_rcpt *rcpts;
	size_t n;
	int64_t now_s, retry_until_s;	/* the latter with BOUNCE_DELAYED */
};

/* Should the sender of e hear this of the recipient: not for the null sender (RFC 5321 section 6.1), not
 * with NOTIFY without FAILURE or DELAY (RFC 3461 section 4.1)? */
bool bounce_wanted(const struct queue_entry *e, uint32_t rcpt, enum bounce_action action);

/* Queue one notice: durable when 0 is returned, ret_id then holds its queue ID. -errno. */
int bounce_send(const struct queue *q, const struct config *c, struct queue_entry *e, const struct bounce_news *news,
    char ret_id[QUEUE_ID_SIZE]);

#endif
