// SPDX-License-Identifier: ISC
/*
 * Who is to be told what (RFC 3461 section 4.1 and 5.2): decided from the envelope alone.  Pure.  A worker asks of what it has
 * delivered, runner/settle of the rest.
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
		unsigned word;		/* of enum smtp_notify */
		bool unasked;		/* also if the client gave no wish */
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
unwanted(const struct queue_entry *e, uint32_t rcpt)
{
	return e->from.n == 0 || smtp_dsn_notify(e->rcpts[rcpt].params) & SMTP_NOTIFY_NEVER;
}

/* RFC 2852 section 4.2: who has set a time hears where nobody keeps it any more; who has asked to, of each server on the way. */
static bool
traced(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	const struct deadline d = deadline_of(e);

	return d.set && (d.trace || !o->deliver_by) && !unwanted(e, rcpt);
}

enum notice_kind
owed_success(const struct outcome *o)
{
	static const enum notice_kind actions[] = {
		[REACH_END] = NOTICE_DELIVERED,
		[REACH_SERVER] = NOTICE_RELAYED,
		[REACH_MANY] = NOTICE_EXPANDED,
		[REACH_OTHER] = NOTICE_RELAYED,		/* and never told */
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
	/* A server with DSN has been told what the sender wants (section 5.2.1), and so has a copy (5.2.7.2). */
	bool wanted = !o->dsn && o->reach != REACH_OTHER && owed_wanted(e, rcpt, action);

	if (o->reach == REACH_SERVER)
		wanted |= traced(e, rcpt, o);
	return wanted ? owed[action] : QUEUE_DELIVERED;
}
