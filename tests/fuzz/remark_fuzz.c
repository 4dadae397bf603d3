// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "strangers/remark.h"
#include "strangers/strangers.h"
#include "tests/fuzz/fuzz.h"

static const struct strangers_limits limits = { { 2, 10, 3, 3, 3 } };

/* A listener as far as its table goes: each remark is of a session that it has, and a named client
 * takes a place in the table.  The octets of a remark that is accepted are the only ones for it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t secret[2] = { 1, 3 };
	struct stranger places[2 * STRANGERS_WAYS] = { 0 };
	struct strangers table;
	uint32_t held[64], place;
	size_t nheld = 0, step = size % REMARK_OCTETS ? size : REMARK_OCTETS;
	int64_t now_ms = 1;

	strangers_init(&table, places, 2 * STRANGERS_WAYS, secret);
	for (size_t at = 0; step && at + step <= size; at += step) {
		unsigned char again[REMARK_OCTETS];
		struct strangers_key key;
		struct remark r;

		if (!remark_parse(data + at, step, &r))
			continue;
		remark_encode(&r, again);
		if (memcmp(again, data + at, sizeof again) != 0)
			abort();
		now_ms += r.ms;
		if (r.kind == REMARK_ADDRESS) {
			if (!strangers_key((const struct sockaddr *)&r.address, &key))
				abort();
			if (nheld < 64 && strangers_enter(&table, &limits, &key, now_ms, &place) ==
			    STRANGERS_LIMITS)
				held[nheld++] = place;
			else
				(void)strangers_mention(&table, &key, now_ms);
		} else if (r.kind == REMARK_BUSY && nheld) {
			strangers_leave(&table, held[--nheld]);
		} else if (nheld) {
			strangers_count(&table, &limits, held[nheld - 1],
			    (enum strangers_limit)((int)r.kind % STRANGERS_LIMITS), now_ms);
		}
	}
	for (size_t i = 0; i < 2 * STRANGERS_WAYS; i++)
		if (places[i].open > 2)
			abort();
	return 0;
}
