// SPDX-License-Identifier: ISC
/*
 * Reads the priority in the envelope.  A priority above 0 takes something from others, so it counts
 * only if the client may ask for it (RFC 6710 section 5.1).
 */
#include "runner/rank.h"

#include <assert.h>

#include "runner/ring.h"
#include "smtp/param.h"

#define PRIORITY_MAX 9

static_assert(RANK_USUAL == RANK_OWN + PRIORITY_MAX, "ranks of mail of people here");
static_assert(RANKS == RANK_USUAL + PRIORITY_MAX + 1, "nothing is above the highest priority");
static_assert(RANKS <= RING_LEVELS, "each rank is a level of a ring");

/* From -9 to 9; 0 if the envelope has no valid one. */
static int
priority_of(const struct queue_entry *e)
{
	const struct slice value = smtp_param_value(e->from_params, SL("MT-PRIORITY"));
	const bool minus = slice_has_prefix(value, SL("-"));
	uint64_t n;

	if (!slice_uint(slice_skip(value, minus), PRIORITY_MAX, &n))
		return 0;
	return minus ? -(int)n : (int)n;
}

unsigned
rank_of(const struct queue_entry *e)
{
	const bool foreign = e->standing == STANDING_STRANGER || e->from.n == 0;
	const int priority = priority_of(e);

	if (foreign)
		return (unsigned)(PRIORITY_MAX + (priority < 0 ? priority : 0));
	return (unsigned)(RANK_USUAL + priority);
}
