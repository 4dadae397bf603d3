// SPDX-License-Identifier: ISC
/*
 * What the sender of a message is told of its recipients (RFC 3461, RFC 3464): who wants to hear what, and the notice itself.
 * It is written into the queue like any other message, from <> to the reverse-path.
 */
#ifndef NOTICE_BOUNCE_H
#define NOTICE_BOUNCE_H

#include "config/config.h"
#include "attempt/outcome.h"
#include "queue.h"

enum notice_kind {
	NOTICE_FAILED,
	NOTICE_DELAYED,
	NOTICE_DELIVERED,		/* at its end: a mailbox, a printer */
	NOTICE_RELAYED,			/* to a server that will not report by itself */
	NOTICE_EXPANDED,		/* to the addresses of an alias */
	NOTICE_KINDS,
};

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

/* "failed", "delayed", ...: the Action field. */
const char *owed_kind_text(enum notice_kind action);

/* Has the sender of e asked to hear this of the recipient, or not said that it does not want to (RFC 3461 section 4.1)?
 * The null sender never has (RFC 5321 section 6.1). */
bool owed_wanted(const struct queue_entry *e, uint32_t rcpt, enum notice_kind action);

/* What a delivery is called that has got so far. */
enum notice_kind owed_success(const struct outcome *o);
/* The state of a recipient who got the message, as o says: with a notice owed to the sender or without.  And the other way:
 * what is owed of a recipient in this state; false: nothing. */
enum queue_rcpt_state owed_state(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o);
bool owed_debt(char state, enum notice_kind *ret);

/* Queue one notice: durable when 0 is returned, ret_id then holds its queue ID. -errno. */
int bounce_send(const struct queue *q, const struct config *c, struct queue_entry *e, const struct bounce_news *news,
    char ret_id[QUEUE_ID_SIZE]);

#endif
