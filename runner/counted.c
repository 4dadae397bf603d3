// SPDX-License-Identifier: ISC
#include "runner/counted.h"

#include <string.h>
#include <unistd.h>

#include "attempt/outcome.h"
#include "queue/counts.h"

const char *const counted_words[COUNTED_SUMS] = {
	[COUNTED_ACCEPTED] = "accepted", [COUNTED_DELIVERED] = "delivered",
	[COUNTED_DEFERRED] = "deferred", [COUNTED_FAILED] = "failed",
	[COUNTED_REFUSED] = "refused",
};

void
counted_read(const struct queue *q, struct counted *ret)
{
	for (unsigned i = 0; i < 2; i++) {
		const int fd = queue_counts_look(q, i == 1);

		ret->read[i] = fd >= 0 && stats_read(fd, &ret->files[i]);
		if (!ret->read[i])
			memset(&ret->files[i], 0, sizeof ret->files[i]);
		if (fd >= 0)
			(void)close(fd);
	}
}

static enum counted_sum
sum_of_cause(enum outcome_cause cause)
{
	struct outcome o;

	outcome_set(&o, cause, SL(""), SL(""));
	return o.kind == OUTCOME_DELIVERED ? COUNTED_DELIVERED :
	    o.kind == OUTCOME_DEFERRED ? COUNTED_DEFERRED : COUNTED_FAILED;
}

void
counted_add_up(const struct counted *c, uint64_t ret[COUNTED_SUMS])
{
	const struct stats_file *runs = &c->files[0], *sessions = &c->files[1];

	memset(ret, 0, COUNTED_SUMS * sizeof *ret);
	for (unsigned i = 0; i < STATS_VALUES; i++) {
		ret[COUNTED_ACCEPTED] += sessions->counts[STATS_ACCEPTED][i];
		for (unsigned f = STATS_REFUSED_SENDER; f <= STATS_REFUSED_CLIENT; f++)
			ret[COUNTED_REFUSED] += sessions->counts[f][i];
		if (i < CAUSE_COUNT)
			ret[sum_of_cause(i)] += runs->counts[STATS_CAUSES][i];
	}
}
