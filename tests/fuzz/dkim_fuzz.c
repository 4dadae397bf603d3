// SPDX-License-Identifier: ISC
/*
 * Any message: its canonical form does not depend on the pieces, a second pass changes nothing, and
 * the field for it is valid.
 */
#include <stdlib.h>

#include "message/dkim.h"
#include "message/field.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

static char first_space[2 * MAX], second_space[2 * MAX];

static void
collect(void *ctx, struct slice octets)
{
	buf_add(ctx, octets);
}

static void
canonical(struct slice in, size_t piece, struct buf *b)
{
	const struct dkim_sink sink = { collect, b };
	struct dkim_body body;

	b->n = 0;
	dkim_body_begin(&body, &sink);
	while (in.n) {
		const size_t n = in.n < piece ? in.n : piece;

		dkim_body_take(&body, slice_of(in.p, n));
		in = slice_skip(in, n);
	}
	dkim_body_end(&body);
	if (b->full)
		abort();
}

static void
check_header(struct slice section)
{
	static struct dkim_header h;
	static char text[DKIM_FIELD_MAX], address[MAX + 1];
	const struct dkim_tags tags = { "x", SL("d"), SL("s"), 0, SL("hash") };
	struct buf b = BUF(text), author = BUF(address), fields = BUF(second_space);
	const struct dkim_sink sink = { collect, &fields };

	if (dkim_header(section, &h))
		return;
	(void)dkim_author(&h, &author);
	dkim_header_put(&h, &sink);
	dkim_sign_begin(&b, &tags, &h);
	dkim_sign_end(&b, SL("signature"));
	if (b.full || fields.full || !dkim_fields_valid(buf_slice(&b)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice in = slice_of((const char *)data, size);
	struct buf first = BUF(first_space), second = BUF(second_space);
	bool whole;

	if (size > MAX)
		return 0;
	(void)dkim_fields_valid(in);
	canonical(in, size ? size : 1, &first);
	canonical(in, 1, &second);
	if (!slice_eq(buf_slice(&first), buf_slice(&second)))
		abort();
	canonical(buf_slice(&first), 7, &second);
	if (!slice_eq(buf_slice(&first), buf_slice(&second)))
		abort();
	check_header(field_section(in, true, &whole));
	return 0;
}
