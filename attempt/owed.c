// SPDX-License-Identifier: ISC
/*
 * The notices owed to a sender (RFC 3461 sections 4.1 and 5.2), decided from the envelope alone.
 * Pure.
 */
#include "attempt/owed.h"

#include "attempt/deadline.h"
#include "smtp/dsn.h"

const char *
owed_kind_text(enum notice_kind action)
{
	static const char *const text[NOTICE_KINDS] = {
		[NOTICE_FAILED] = "failed",
		[NOTICE_DELAYED] = "delayed",
		[NOTICE_DELIVERED] = "delivered",
		[NOTICE_RELAYED] = "relayed",
		[NOTICE_EXPANDED] = "expanded",
	};

	return text[action];
}

bool
owed_wanted(const struct queue_entry *e, uint32_t rcpt, enum notice_kind action)
{
	static const struct {
		unsigned word;		/* a bit of enum smtp_notify */
		bool unasked;		/* also if the client sent no NOTIFY */
	} wants[NOTICE_KINDS] = {
		[NOTICE_FAILED] = { SMTP_NOTIFY_FAILURE, true },
		[NOTICE_DELAYED] = { SMTP_NOTIFY_DELAY, true },
		[NOTICE_DELIVERED] = { SMTP_NOTIFY_SUCCESS, false },
		[NOTICE_RELAYED] = { SMTP_NOTIFY_SUCCESS, false },
		[NOTICE_EXPANDED] = { SMTP_NOTIFY_SUCCESS, false },
	};
	const unsigned notify = smtp_dsn_notify(e->rcpts[rcpt].params);

	return e->from.n && (notify ? notify & wants[action].word : wants[action].unasked);
}

static bool
is_unwanted(const struct queue_entry *e, uint32_t rcpt)
{
	return e->from.n == 0 || smtp_dsn_notify(e->rcpts[rcpt].params) & SMTP_NOTIFY_NEVER;
}

/* Must the sender be informed about the time limit?  Yes, if the next server does not keep it, or
 * if the sender requested a trace (RFC 2852 section 4.2). */
static bool
is_traced(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	const struct deadline d = deadline_of(e);

	return d.set && (d.trace || !o->deliver_by) && !is_unwanted(e, rcpt);
}

enum notice_kind
owed_success(const struct outcome *o)
{
	static const enum notice_kind actions[] = {
		[REACH_END] = NOTICE_DELIVERED,
		[REACH_SERVER] = NOTICE_RELAYED,
		[REACH_MANY] = NOTICE_EXPANDED,
		[REACH_OTHER] = NOTICE_RELAYED,		/* never sent */
	};

	return actions[o->reach];
}

static const enum queue_rcpt_state owed[NOTICE_KINDS] = {
	[NOTICE_DELIVERED] = QUEUE_DELIVERED_OWED,
	[NOTICE_RELAYED] = QUEUE_RELAYED_OWED,
	[NOTICE_EXPANDED] = QUEUE_EXPANDED_OWED,
};

bool
owed_debt(char state, enum notice_kind *ret)
{
	for (size_t i = 0; i < NOTICE_KINDS; i++)
		if (owed[i] && (char)owed[i] == state) {
			*ret = (enum notice_kind)i;
			return true;
		}
	return false;
}

enum queue_rcpt_state
owed_state(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	const enum notice_kind action = owed_success(o);
	/* A server with DSN got the sender's requests (RFC 3461 section 5.2.1), and so did a copy
	 * (section 5.2.7.2). */
	bool wanted = !o->dsn && o->reach != REACH_OTHER && owed_wanted(e, rcpt, action);

	if (o->reach == REACH_SERVER)
		wanted |= is_traced(e, rcpt, o);
	return wanted ? owed[action] : QUEUE_DELIVERED;
}
