// SPDX-License-Identifier: ISC
/*
 * Removal of Authentication-Results.  The first octet chooses our name and the size of the pieces.
 * In pieces or whole, the same octets stay; none is added, and a field that plainly bears our name
 * is gone.  A second pass finds nothing.
 */
#include <string.h>

#include "message/results.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

static char once[MAX], pieces[MAX], twice[MAX];
static struct results r;

static void
take(void *ctx, struct slice octets)
{
	buf_add(ctx, octets);
}

static struct slice
filter(struct slice name, struct slice in, size_t step, char *space)
{
	static struct buf out;

	out = (struct buf){ .p = space, .cap = MAX };
	results_begin(&r, name, take, &out);
	while (in.n) {
		const size_t n = in.n < step ? in.n : step;
		char *exact = malloc(n);

		must(exact != NULL);
		memcpy(exact, in.p, n);
		results_content(&r, slice_of(exact, n));
		free(exact);
		in = slice_skip(in, n);
	}
	results_end(&r);
	must(!out.full);
	return buf_slice(&out);
}

/* Is a what is left of b after some of its octets were removed? */
static bool
is_rest_of(struct slice a, struct slice b)
{
	while (a.n && b.n) {
		if (a.p[0] == b.p[0])
			a = slice_skip(a, 1);
		b = slice_skip(b, 1);
	}
	return a.n == 0;
}

static void
check_fields(struct slice rest, struct slice name)
{
	struct field f;

	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f)) {
		struct slice body = slice_trim(f.body);

		if (!field_is(&f, SL("Authentication-Results")) ||
		    !slice_has_iprefix(body, name))
			continue;
		body = slice_skip(body, name.n);
		/* A name that the content ends with has no result behind it. */
		must(body.n == 0 || (body.p[0] != ';' && body.p[0] != '\r'));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice names[] = { S("mx.example"), S("xn--bcher-kva.example") };
	struct slice in, out, name;

	if (size == 0 || size > MAX)
		return 0;
	name = names[data[0] & 1];
	in = slice_of((const char *)data + 1, size - 1);
	out = filter(name, in, MAX, once);
	must(slice_eq(filter(name, in, 1U + (data[0] >> 1), pieces), out));
	must(is_rest_of(out, in));
	check_fields(out, name);
	must(slice_eq(filter(name, out, MAX, twice), out));
	return 0;
}
