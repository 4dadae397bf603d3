// SPDX-License-Identifier: ISC
/*
 * Octets of a mail server to a filter: its options, then any steps.
 */
#include <stdlib.h>

#include "milter/filter.h"
#include "tests/fuzz/fuzz.h"

static struct filter f;

static size_t
sum(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (unsigned char)s.p[i];
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char space[FILTER_PACKET_MAX * 2 + 1000];
	struct slice in = slice_of((const char *)data, size);
	struct filter_step s = { .kind = FILTER_MORE };

	filter_begin(&f);
	while (in.n && s.kind != FILTER_BROKEN) {
		struct buf out = BUF(space);

		filter_take(&f, &in, &s);
		must(sum(s.name) + sum(s.value) < SIZE_MAX);
		must(strlen(f.hostname) < sizeof f.hostname && strlen(f.user) < sizeof f.user);
		if (s.kind == FILTER_OPTIONS)
			must(filter_put_options(&f, &out, false) == (out.n > 0));
		if (s.kind == FILTER_FIELD)
			filter_put_insert(&f, &out, s.name, s.value);
		if (s.kind == FILTER_MAIL)
			filter_put_reply(&out, s.value);
	}
	return 0;
}
