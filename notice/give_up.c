// SPDX-License-Identifier: ISC
/*
 * Giving up a message for an operator.  The order loses nothing: the message is claimed by a rename
 * to hold/, the bounce is durable, the states are marked, the file is removed.  After a crash in
 * between the message is in hold/, and the operator repeats the command.
 */
#include "notice/give_up.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "notice/bounce.h"

void
give_up_outcome(struct outcome *o)
{
	outcome_set(o, CAUSE_OPERATOR, SL(""), SL("given up by the operator of this mail system"));
}

/* The notice owed for recipients in a state, and their state after it was sent. */
static const struct owed_notice {
	enum queue_rcpt_state state, after;
	enum notice_kind action;
	enum outcome_cause cause;	/* CAUSE_COUNT: why the message is given up */
} owed_notices[] = {
	{ QUEUE_DELIVERED_OWED, QUEUE_DELIVERED, NOTICE_DELIVERED, CAUSE_DELIVERED },
	{ QUEUE_RELAYED_OWED, QUEUE_DELIVERED, NOTICE_RELAYED, CAUSE_DELIVERED },
	{ QUEUE_EXPANDED_OWED, QUEUE_DELIVERED, NOTICE_EXPANDED, CAUSE_EXPANDED },
	{ QUEUE_PENDING, QUEUE_FAILED, NOTICE_FAILED, CAUSE_COUNT },
};

/* Send an owed notice for the recipients in its state, then mark them. */
static int
send_owed(const struct queue *q, const struct config *c, struct queue_entry *e,
    const struct owed_notice *owed, const struct outcome *why, char ret_notice[QUEUE_ID_SIZE])
{
	struct bounce_rcpt *rcpts = calloc(e->nrcpts, sizeof *rcpts);
	struct bounce_news news = {
		.action = owed->action, .rcpts = rcpts, .now_s = clock_wall_s(),
	};
	struct outcome o;
	int r = 0;

	if (!rcpts)
		return -ENOMEM;
	if (owed->cause == CAUSE_COUNT)
		o = *why;
	else
		outcome_set(&o, owed->cause, SL(""), SL(""));
	for (uint32_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].state == (char)owed->state &&
		    (owed->cause != CAUSE_COUNT || owed_wanted(e, i, owed->action)))
			rcpts[news.n++] = (struct bounce_rcpt){ i, &o };
	if (news.n)
		r = bounce_send(q, c, e, &news, ret_notice);
	for (size_t i = 0; r == 0 && i < e->nrcpts; i++)
		if (e->rcpts[i].state == (char)owed->state)
			r = queue_mark(e, i, owed->after);
	free(rcpts);
	return r;
}

/* Send all owed notices.  The one of failure is the last; ret_bounce gets its ID. */
static int
send_all_owed(const struct queue *q, const struct config *c, struct queue_entry *e,
    const struct outcome *why, char ret_bounce[QUEUE_ID_SIZE])
{
	char other[QUEUE_ID_SIZE] = "";
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof owed_notices / sizeof owed_notices[0]; i++)
		r = send_owed(q, c, e, &owed_notices[i], why,
		    owed_notices[i].cause == CAUSE_COUNT ? ret_bounce : other);
	return r;
}

int
give_up_aside(const struct queue *q, const struct config *c, const char *id,
    char ret_bounce[QUEUE_ID_SIZE], struct buf *to)
{
	struct queue_spot spot = { .place = QUEUE_IN_DEAD, .folder = q->dead };
	struct queue_entry e;
	struct outcome why;
	int r;

	ret_bounce[0] = '\0';
	memcpy(spot.id, id, sizeof spot.id);
	r = queue_load_at(&spot, &e);
	if (r < 0)
		return r;
	outcome_set(&why, CAUSE_ASIDE, SL(""),
	    SL("this mail system could not process the message: programs that read it failed"));
	r = send_all_owed(q, c, &e, &why, ret_bounce);
	buf_add(to, slice_of(e.from.p, e.from.n < to->cap ? e.from.n : to->cap));
	queue_unload(&e);
	return r;
}

int
give_up_message(const struct queue *q, const struct config *c, const struct queue_spot *spot,
    char ret_bounce[QUEUE_ID_SIZE])
{
	struct queue_spot held = { .place = QUEUE_IN_HOLD, .folder = q->hold };
	struct queue_entry e;
	struct outcome why;
	int claim, r = 0;

	ret_bounce[0] = '\0';
	memcpy(held.id, spot->id, sizeof held.id);
	if (spot->place != QUEUE_IN_HOLD)
		r = queue_hold(q, spot);
	if (r != 0)
		return r;
	/* Without the claim two bounces could be sent, or one for a message that was released
	 * meanwhile. */
	claim = queue_claim_held(q, spot->id);
	if (claim < 0)
		return claim;
	r = queue_load_at(&held, &e);
	if (r != 0)
		goto out;
	give_up_outcome(&why);
	r = send_all_owed(q, c, &e, &why, ret_bounce);
	if (r == 0)
		r = e.from.n ? queue_remove(q, &held) : queue_put_dead(q, &held);
	queue_unload(&e);
out:
	(void)close(claim);
	return r;
}
