// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read as session/balancer.c does: it ends, asks for nothing behind the header, and says the same of the whole. */
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
