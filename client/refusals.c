// SPDX-License-Identifier: ISC
/*
 * Counts refusals of MAIL.  A count ends as soon as the host accepts one.
 */
#include "client/refusals.h"

#include <string.h>

#include "base/hash.h"

static uint64_t
hash_of(struct slice from)
{
	const uint64_t hash = hash_slice(HASH_START, from);

	return hash ? hash : 1;
}

/* X.1.z is about an address (RFC 3463): another sender has another one. */
static bool
about_address(const struct outcome *o)
{
	return slice_has_prefix(slice_str(o->status), SL("4.1."));
}

void
refusals_add(struct refusals *r, struct slice from, bool first, const struct outcome *o,
    int64_t now_ms)
{
	const uint64_t sender = hash_of(from);
	const bool same = r->n && sender == r->sender;

	r->changes += r->n && !same;
	r->n = same ? r->n + 1 : 1;
	r->all += !about_address(o);
	r->sender = sender;
	if (first)
		r->at_first = sender;
	r->until_ms = now_ms + REFUSALS_REST_MS;
	r->last = *o;
}

void
refusals_end(struct refusals *r)
{
	r->n = r->all = r->changes = 0;
}

bool
refusals_known(const struct refusals *r, struct slice from)
{
	return r->at_first == hash_of(from);
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
refusals_rest(const struct refusals *r, struct slice from, int64_t now_ms, struct outcome *ret)
{
	char space[OUTCOME_DETAIL + 100];
	struct buf b = BUF(space);

	if (r->n < REFUSALS_MAX || r->sender != hash_of(from) || now_ms >= r->until_ms)
		return false;
	buf_fmt(&b, "not asked, as MAIL of this sender was refused %u times in a row: %s", r->n,
	    r->last.detail);
	set_text(ret, &r->last, buf_slice(&b));
	return true;
}

bool
refusals_everyone(const struct refusals *r, struct outcome *ret)
{
	char space[100];
	struct buf b = BUF(space);

	if (r->all < REFUSALS_MAX || r->changes < REFUSALS_CHANGES)
		return false;
	buf_fmt(&b, "the host refuses MAIL of all senders for now: %u times in a row, %.3s at last",
	    r->all, r->last.detail);
	set_text(ret, &r->last, buf_slice(&b));
	ret->everyone = true;
	return true;
}
