// SPDX-License-Identifier: ISC
/*
 * Who is to be told what (RFC 3461 section 4.1 and 5.2): decided from the envelope alone.  Pure.  A worker asks of what it has
 * delivered, runner/settle of the rest.
 */
#include "delivery/bounce.h"

#include "delivery/deadline.h"
#include "smtp/params.h"

static bool
has_word(struct slice list, struct slice word)
{
	while (list.n)
		if (slice_ieq(slice_cut(list, ',', &list), word))
			return true;
	return false;
}

const char *
bounce_action_text(enum bounce_action action)
{
	static const char *const text[BOUNCE_ACTIONS] = {
		[BOUNCE_FAILED] = "failed",
		[BOUNCE_DELAYED] = "delayed",
		[BOUNCE_DELIVERED] = "delivered",
		[BOUNCE_RELAYED] = "relayed",
		[BOUNCE_EXPANDED] = "expanded",
	};

	return text[action];
}

bool
bounce_wanted(const struct queue_entry *e, uint32_t rcpt, enum bounce_action action)
{
	static const struct {
		struct slice word;
		bool unasked;		/* also without NOTIFY */
	} wants[BOUNCE_ACTIONS] = {
		[BOUNCE_FAILED] = { S("FAILURE"), true },
		[BOUNCE_DELAYED] = { S("DELAY"), true },
		[BOUNCE_DELIVERED] = { S("SUCCESS"), false },
		[BOUNCE_RELAYED] = { S("SUCCESS"), false },
		[BOUNCE_EXPANDED] = { S("SUCCESS"), false },
	};
	struct slice notify = smtp_param_value(e->rcpts[rcpt].params, SL("NOTIFY"));

	return e->from.n && (notify.p ? has_word(notify, wants[action].word) : wants[action].unasked);
}

static bool
unwanted(const struct queue_entry *e, uint32_t rcpt)
{
	return e->from.n == 0 || slice_ieq(smtp_param_value(e->rcpts[rcpt].params, SL("NOTIFY")), SL("NEVER"));
}

/* RFC 2852 section 4.2: who has set a time hears where nobody keeps it any more; who has asked to, of each server on the way. */
static bool
traced(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	const struct deadline d = deadline_of(e);

	return d.set && (d.trace || !o->deliver_by) && !unwanted(e, rcpt);
}

enum bounce_action
bounce_success(const struct outcome *o)
{
	static const enum bounce_action actions[] = {
		[REACH_END] = BOUNCE_DELIVERED,
		[REACH_SERVER] = BOUNCE_RELAYED,
		[REACH_MANY] = BOUNCE_EXPANDED,
		[REACH_OTHER] = BOUNCE_RELAYED,		/* and never told */
	};

	return actions[o->reach];
}

static const enum queue_rcpt_state owed[BOUNCE_ACTIONS] = {
	[BOUNCE_DELIVERED] = QUEUE_DELIVERED_OWED,
	[BOUNCE_RELAYED] = QUEUE_RELAYED_OWED,
	[BOUNCE_EXPANDED] = QUEUE_EXPANDED_OWED,
};

bool
bounce_debt(char state, enum bounce_action *ret)
{
	for (size_t i = 0; i < BOUNCE_ACTIONS; i++)
		if (owed[i] && (char)owed[i] == state) {
			*ret = (enum bounce_action)i;
			return true;
		}
	return false;
}

enum queue_rcpt_state
bounce_owed(const struct queue_entry *e, uint32_t rcpt, const struct outcome *o)
{
	const enum bounce_action action = bounce_success(o);
	/* A server with DSN has been told what the sender wants (section 5.2.1), and so has a copy (5.2.7.2). */
	bool wanted = !o->dsn && o->reach != REACH_OTHER && bounce_wanted(e, rcpt, action);

	if (o->reach == REACH_SERVER)
		wanted |= traced(e, rcpt, o);
	return wanted ? owed[action] : QUEUE_DELIVERED;
}
