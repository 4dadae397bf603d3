// SPDX-License-Identifier: ISC
/*
 * A list of addresses.  The walk ends, never goes back, and returns no address with a blank outside
 * quotes.
 */
#include "message/mailbox.h"

#include "message/qualify.h"
#include "tests/fuzz/fuzz.h"

static void
count(void *ctx, struct slice octets)
{
	*(size_t *)ctx += octets.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of((const char *)data, size), rest = all, element;
	enum mailbox_result r;
	char space[256];
	size_t out = 0;

	for (;;) {
		struct buf b = BUF(space);
		const size_t left = rest.n;

		r = mailbox_next(&rest, &b, &element);
		if (r == MAILBOX_END)
			break;
		must(rest.n < left || left == 0);
		must(element.p >= all.p && element.p + element.n <= all.p + all.n);
		must(r == MAILBOX_BAD || (b.n && !b.full));
	}
	must(rest.n == 0);
	qualify_addresses(&(struct qualify){ SL("d"), NULL, count, &out }, all);
	must(out >= size);
	return 0;
}
