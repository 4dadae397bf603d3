// SPDX-License-Identifier: ISC
/*
 * DELIVERBY in the queue: the time left of the sender's limit, and the servers that can be given it
 * (RFC 2852).  Pure: the caller gives the time.
 */
#include "attempt/deadline.h"

#include "smtp/deliver_by.h"

struct deadline
deadline_of(const struct queue_entry *e)
{
	struct deadline d = { 0 };
	struct smtp_by by;

	if (!smtp_by_of(e->from_params, &by))
		return d;
	d.set = true;
	d.give_back = by.give_back;
	d.trace = by.trace;
	d.noticed = by.seconds <= 0;
	d.at_s = e->arrived_us / 1000000 + by.seconds;
	return d;
}

bool
deadline_over(const struct deadline *d, int64_t now_s)
{
	return d->set && now_s >= d->at_s;
}

bool
deadline_ends(const struct deadline *d, int64_t now_s)
{
	return d->give_back && deadline_over(d, now_s);
}

void
deadline_outcome(struct outcome *o, struct slice host, struct slice last)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	buf_str(&b, DEADLINE_TEXT);
	if (last.n)
		buf_fmt(&b, "; the last attempt reported: %.*s",
		    (int)(last.n < sizeof space - 100 ? last.n : sizeof space - 100), last.p);
	outcome_set(o, CAUSE_DEADLINE, host, buf_slice(&b));
}

/* A server refuses a time below its own minimum (RFC 2852 section 4). */
bool
deadline_fits(const struct deadline *d, const struct client_offer *peer, int64_t now_s)
{
	const int64_t left_s = d->at_s - now_s;

	return d->set && peer->offers[SMTP_EXT_DELIVERBY] &&
	    (peer->min_by == 0 || left_s >= (int64_t)peer->min_by) && !deadline_ends(d, now_s);
}

struct slice
deadline_params(const struct queue_entry *e, const struct client_offer *peer, int64_t now_s,
    struct buf *b)
{
	const struct deadline d = deadline_of(e);
	const struct smtp_by by = { d.at_s - now_s, d.give_back, d.trace };

	if (!d.set)
		return e->from_params;
	smtp_by_replace(b, e->from_params, deadline_fits(&d, peer, now_s) ? &by : NULL);
	return buf_slice(b);
}
