// SPDX-License-Identifier: ISC
/*
 * The file of a queue's lease: the text before its sum is the input.  A record that is read is the
 * same after it was written and read again, and `smtp-queue` sees it.
 */
#include <time.h>

/* No other process writes the file meanwhile. */
#define nanosleep(time, rest) ((void)(time), 0)
#include "queue/lease.c"
#undef nanosleep

#include "tests/fuzz/folder.h"

static void
must_be_same(const struct record *a, const struct record *b)
{
	must(strcmp(a->home, b->home) == 0 && strcmp(a->holder, b->holder) == 0 &&
	    strcmp(a->boot, b->boot) == 0 && a->state == b->state);
	must(a->generation == b->generation && a->term_ms == b->term_ms &&
	    a->renewed_us == b->renewed_us && a->wall_s == b->wall_s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[RECORD_SIZE + 1], again[RECORD_SIZE + 1];
	struct queue_lease_state seen;
	struct record r, r_again;

	memset(text, '.', sizeof text);
	memcpy(text, data, size < SUM_AT ? size : SUM_AT);
	text[SUM_AT - 1] = '\n';
	write_sum(slice_of(text, SUM_AT), text + SUM_AT);
	if (!record_parse(text, &r))
		return 0;
	record_write(&r, again);
	must(record_parse(again, &r_again));
	must_be_same(&r, &r_again);
	folder_write(folder_get()->tmp, QUEUE_LEASE, slice_of(text, RECORD_SIZE));
	must(queue_lease_read(&folder_queue, &seen) == 0);
	must(strcmp(seen.holder, r.holder) == 0 && seen.generation == r.generation &&
	    seen.released == (r.state == STATE_RELEASED));
	/* An octet of the sum that is wrong is seen. */
	text[SUM_AT + 6] ^= 1;
	must(!record_parse(text, &r));
	return 0;
}
