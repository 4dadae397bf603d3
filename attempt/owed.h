// SPDX-License-Identifier: ISC
/*
 * The notices that a message owes its sender (RFC 3461 sections 4.1 and 5.2).  Pure.
 */
#ifndef ATTEMPT_OWED_H
#define ATTEMPT_OWED_H

#include "attempt/outcome.h"
#include "queue/run.h"

enum notice_kind {
	NOTICE_FAILED,
	NOTICE_DELAYED,
	NOTICE_DELIVERED,		/* to the end: a mailbox, a printer */
	NOTICE_RELAYED,			/* to a server that sends no notices itself */
	NOTICE_EXPANDED,		/* to the addresses of an alias */
	NOTICE_KINDS,
};

/* The text of the Action field: "failed", "delayed", ...  (RFC 3464 section 2.3.3). */
const char *owed_kind_text(enum notice_kind action);

/* Does the sender of e want this notice about a recipient?  Its NOTIFY decides, else the default
 * (RFC 3461 section 4.1).  The null sender wants none (RFC 5321 section 6.1). */
bool owed_wanted(const struct queue_entry *e, uint32_t rcpt, enum notice_kind action);

/* The kind of notice for a delivery that reached o->reach. */
enum notice_kind owed_success(const struct outcome *o);
/* The state of a recipient after the successful outcome o: with a notice owed to the sender, or
 * without. */
enum queue_rcpt_state owed_state(const struct queue_entry *e, uint32_t rcpt,
    const struct outcome *o);

/* The notice that is owed for a recipient in this state.  False if none is owed. */
bool owed_debt(char state, enum notice_kind *ret);

#endif
