// SPDX-License-Identifier: ISC
/*
 * The end of a broken header section.  The first octet is the size of the pieces.  The result does
 * not depend on them, holds the octets of the content, and has no broken line.
 */
#include <stdlib.h>

#include "message/mend.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

static void
put(void *ctx, struct slice octets)
{
	buf_add(ctx, octets);
}

static void
run(struct slice in, size_t step, struct buf *ret)
{
	static struct mend m;

	mend_begin(&m, put, ret);
	for (; in.n; in = slice_skip(in, step))
		mend_content(&m, slice_of(in.p, in.n < step ? in.n : step));
	mend_end(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A mailbox line has six octets at least, and gets sixteen. */
	static char whole_space[4 * MAX], pieces_space[4 * MAX];
	struct buf whole = BUF(whole_space), pieces = BUF(pieces_space);
	struct slice in = slice_of((const char *)data, size), rest;
	struct field f;

	if (size < 2 || size > MAX)
		return 0;
	in = slice_skip(in, 1);
	run(in, in.n, &whole);
	run(in, 1U + data[0], &pieces);
	if (whole.full || !slice_eq(buf_slice(&whole), buf_slice(&pieces)) || whole.n < in.n)
		abort();
	rest = buf_slice(&whole);
	if (ascii_blank(rest.p[0]))
		abort();
	while (field_next(&rest, FIELD_TO_EMPTY_LINE, &f))
		if (f.name.n == 0 || f.name.n > MEND_NAME_MAX)
			abort();
	return 0;
}
