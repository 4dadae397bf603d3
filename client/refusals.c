// SPDX-License-Identifier: ISC
/*
 * Counts refusals of MAIL.  A count ends as soon as the host accepts one.
 */
#include "client/refusals.h"

#include <string.h>

#include "base/keyed_hash.h"

static uint64_t
hash_of(struct slice from)
{
	const uint64_t hash = keyed_hash(0, from);

	return hash ? hash : 1;
}

/* Two senders that take turns are still two.  NULL: none. */
static const struct refusals_row *
find_row(const struct refusals *r, uint64_t sender)
{
	for (size_t i = 0; i < REFUSALS_SENDERS; i++)
		if (r->rows[i].sender == sender)
			return &r->rows[i];
	return NULL;
}

static struct refusals_row *
get_row(struct refusals *r, uint64_t sender)
{
	const struct refusals_row *known = find_row(r, sender);
	const size_t at = known ? (size_t)(known - r->rows) : r->nrows++ % REFUSALS_SENDERS;

	if (!known)
		r->rows[at] = (struct refusals_row){ .sender = sender };
	return &r->rows[at];
}

/* NULL: none. */
static const struct refusals_first *
find_first(const struct refusals *r, uint64_t sender)
{
	for (size_t i = 0; i < REFUSALS_KNOWN; i++)
		if (r->firsts[i].sender == sender)
			return &r->firsts[i];
	return NULL;
}

static void
add_first(struct refusals *r, uint64_t sender)
{
	const struct refusals_first *known = find_first(r, sender);
	const size_t at = known ? (size_t)(known - r->firsts) : r->nfirst++ % REFUSALS_KNOWN;

	r->firsts[at] = (struct refusals_first){ .sender = sender };
}

void
refusals_add(struct refusals *r, struct slice from, bool first, const struct outcome *o,
    int64_t now_ms)
{
	const uint64_t sender = hash_of(from);
	struct refusals_row *row = get_row(r, sender);
	const bool of_all = !outcome_of_address(slice_str(o->status));

	row->n++;
	row->all += of_all;
	r->all += of_all;
	if (first)
		add_first(r, sender);
	row->until_ms = now_ms + REFUSALS_REST_MS;
	row->last = *o;
}

void
refusals_end(struct refusals *r, struct slice from)
{
	const uint64_t sender = hash_of(from);

	memset(r->rows, 0, sizeof r->rows);
	r->nrows = r->all = 0;
	for (size_t i = 0; i < REFUSALS_KNOWN; i++)
		if (r->firsts[i].sender == sender && ++r->firsts[i].accepted >= REFUSALS_FORGET)
			r->firsts[i].sender = 0;
}

bool
refusals_known(const struct refusals *r, struct slice from)
{
	return find_first(r, hash_of(from));
}

/* An outcome like o, with a text of ours. */
static void
set_text(struct outcome *ret, const struct outcome *o, struct slice text)
{
	struct outcome with = *o;

	outcome_set(&with, o->cause, slice_str(o->host), text);
	memcpy(with.status, o->status, sizeof with.status);
	*ret = with;
}

bool
refusals_rest(const struct refusals *r, struct slice from, bool verp, int64_t now_ms,
    struct outcome *ret)
{
	const struct refusals_row *row = find_row(r, hash_of(from));
	char space[OUTCOME_DETAIL + 100];
	struct buf b = BUF(space);

	if (!row || row->n < REFUSALS_MAX || now_ms >= row->until_ms)
		return false;
	buf_fmt(&b, "not asked, as MAIL of this sender was refused %u times in a row", row->n);
	if (verp)
		buf_fmt(&b, ", %.3s at last", row->last.detail);
	else
		buf_fmt(&b, ": %s", row->last.detail);
	set_text(ret, &row->last, buf_slice(&b));
	ret->bar = BAR_RESTED;
	return true;
}

bool
refusals_everyone(const struct refusals *r, struct outcome *ret)
{
	const struct outcome *last = &r->rows[(r->nrows - 1) % REFUSALS_SENDERS].last;
	char space[100];
	struct buf b = BUF(space);

	for (size_t i = 0; i < REFUSALS_SENDERS; i++)
		if (r->rows[i].all == 0)
			return false;
	if (r->all < REFUSALS_MAX)
		return false;
	buf_fmt(&b, "the host refuses MAIL of all senders for now: %u times in a row, %.3s at last",
	    r->all, last->detail);
	set_text(ret, last, buf_slice(&b));
	ret->everyone = true;
	return true;
}

void
refusals_hide(struct outcome *o)
{
	char space[100];
	struct buf b = BUF(space);
	enum outcome_bar bar;

	if (!o->remote)
		return;
	buf_fmt(&b, "the host refuses members of the list for now, %.3s at last", o->detail);
	bar = o->bar;
	set_text(o, o, buf_slice(&b));
	o->bar = bar;
}
