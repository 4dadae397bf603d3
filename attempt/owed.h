// SPDX-License-Identifier: ISC
/*
 * Which notices a message owes its sender (RFC 3461 sections 4.1 and 5.2).  Pure.
 */
#ifndef ATTEMPT_OWED_H
#define ATTEMPT_OWED_H

#include "attempt/outcome.h"
#include "queue/run.h"

enum notice_kind {
	NOTICE_FAILED,
	NOTICE_DELAYED,
	NOTICE_DELIVERED,		/* at its end: a mailbox, a printer */
	NOTICE_RELAYED,			/* to a server that will not report by itself */
	NOTICE_EXPANDED,		/* to the addresses of an alias */
	NOTICE_KINDS,
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

#endif
