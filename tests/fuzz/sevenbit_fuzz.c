// SPDX-License-Identifier: ISC
/*
 * Any message: the converted one travels through any server, one with octets above 127 in its
 * header fields through any that has 8BITMIME, and a second conversion changes nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "message/sevenbit.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

struct collected {
	char p[8 * MAX];
	size_t n;
};

static struct collected first, second;

static int
collect(void *ctx, struct slice octets)
{
	struct collected *c = ctx;

	if (octets.n > sizeof c->p - c->n)
		abort();
	memcpy(c->p + c->n, octets.p, octets.n);
	c->n += octets.n;
	return 0;
}

static int
convert(struct slice in, struct collected *out)
{
	const struct mime_sink sink = { collect, out };
	const char *why = NULL;
	int r;

	out->n = 0;
	r = mime_sevenbit(in, &sink, &why);
	if (r != 0 && (r != -ENOTSUP || !why))
		abort();
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = slice_of((const char *)data, size);
	size_t line = 0;

	if (size > MAX || convert(in, &first) < 0)
		return 0;
	if (first.n < 2 || memcmp(first.p + first.n - 2, "\r\n", 2) != 0)
		abort();
	for (size_t i = 0; i < first.n; i++) {
		const unsigned char c = (unsigned char)first.p[i];
		const bool crlf = c == '\r' && i + 1 < first.n && first.p[i + 1] == '\n';

		if (crlf) {
			line = 0;
			i++;
		} else if (c == '\0' || c == '\r' || c == '\n' || ++line > 998) {
			abort();
		}
	}
	if (slice_is_ascii(in) && !slice_is_ascii(slice_of(first.p, first.n)))
		abort();
	if (convert(slice_of(first.p, first.n), &second) < 0 || second.n != first.n ||
	    memcmp(first.p, second.p, first.n) != 0)
		abort();
	return 0;
}
