// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "net/proxy.h"
#include "tests/fuzz/fuzz.h"

/*
 * The header is read in the pieces that proxy_parse() asks for.  It ends, no octet after it is
 * asked for, and the whole gives the same result.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = slice_of((const char *)data, size);
	struct proxy proxy;
	size_t n = 0, more = 0;
	int r;

	while ((r = proxy_parse(slice_of(in.p, n), &proxy, &more)) == 0) {
		if (more == 0 || n + more > PROXY_HEADER_MAX)
			abort();
		if (n + more > in.n)
			return 0;
		n += more;
	}
	if (r == 1 && proxy_parse(slice_of(in.p, n), &proxy, &more) != 1)
		abort();
	return 0;
}
