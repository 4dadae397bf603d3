// SPDX-License-Identifier: ISC
/* The value of BY: a parsed one is the same after it is written and parsed again. */
#include "smtp/deliver_by.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_by by, again;
	char text[32];
	struct buf b = BUF(text);

	if (!smtp_by_parse(slice_of((const char *)data, size), &by))
		return 0;
	must(by.seconds <= SMTP_BY_MAX_S && by.seconds >= -SMTP_BY_MAX_S &&
	    (by.seconds > 0 || !by.give_back));
	smtp_by_put(&b, &by);
	must(!b.full && b.n <= size && smtp_by_parse(buf_slice(&b), &again));
	must(by.seconds == again.seconds && by.give_back == again.give_back &&
	    by.trace == again.trace);
	return 0;
}
