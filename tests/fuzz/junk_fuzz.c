// SPDX-License-Identifier: ISC
/*
 * Fields that a filter has made of what strangers sent: no octet outside is read, a mark has a
 * reason, and the case of the name is of no effect.
 */
#include "message/junk.h"

#include "tests/fuzz/fuzz.h"

static bool
marked(struct slice name, struct slice value)
{
	char space[200];
	struct buf why = BUF(space);
	const bool is = junk_marked(name, value, SL("mx.example.org"), &why);

	must(is == (why.n > 0));
	return is;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice value = slice_of((const char *)data, size);

	(void)marked(SL("X-Spam"), value);
	must(marked(SL("Authentication-Results"), value) ==
	    marked(SL("AUTHENTICATION-results"), value));
	return 0;
}
