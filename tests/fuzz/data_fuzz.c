// SPDX-License-Identifier: ISC
/*
 * Content of DATA.  The first octet chooses the line ends and the size of the pieces.  In pieces or
 * whole, the decoder gives the same.  Encoded text is decoded to the same text, and has one end.
 */
#include <stdlib.h>

#include "smtp/data.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

static char whole[2 * MAX + 3], pieces[2 * MAX + 3], wire[2 * MAX + 5];

/* Decode into just as many octets as the header promises to be enough. */
static size_t
decode_piece(struct smtp_data *d, struct slice in, char *out, size_t *ret_used)
{
	char *exact = malloc(2 * in.n + 1);
	size_t n;

	must(exact != NULL);
	n = smtp_data_decode(d, in, exact, ret_used);
	must(n <= 2 * in.n && *ret_used <= in.n);
	memcpy(out, exact, n);
	free(exact);
	return n;
}

static size_t
decode(struct smtp_data *d, enum smtp_newlines newlines, struct slice in, size_t step, char *out,
    size_t *ret_used)
{
	size_t n = 0, used = 0, now, end = 0;

	smtp_data_init(d, newlines);
	while (end < in.n) {
		end = in.n - end > step ? end + step : in.n;
		n += decode_piece(d, slice_of(in.p + used, end - used), out + n, &now);
		used += now;
		must(d->done || end - used <= 2);
	}
	*ret_used = used;
	return n;
}

static size_t
encode(struct slice in, size_t step, char *out)
{
	unsigned state = 0;
	size_t n = 0;

	do {
		struct slice now = slice_of(in.p, in.n < step ? in.n : step);

		in = slice_skip(in, now.n);
		n += smtp_data_encode(&state, now, in.n == 0, out + n);
	} while (in.n);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	struct smtp_data a, b;
	enum smtp_newlines newlines;
	size_t n, m, used_a, used_b, step;

	if (size < 2 || size > MAX)
		return 0;
	newlines = data[0] & 128 ? SMTP_NORMALIZE : data[0] & 1 ? SMTP_LF_TOO : SMTP_CRLF;
	step = 1U + (data[0] >> 1);
	in = slice_skip(in, 1);
	n = decode(&a, newlines, in, in.n, whole, &used_a);
	m = decode(&b, newlines, in, step, pieces, &used_b);
	must(n == m && used_a == used_b && memcmp(whole, pieces, n) == 0);
	must(a.done == b.done && a.bare == b.bare);
	must(newlines != SMTP_NORMALIZE || !a.bare);
	n = encode(in, in.n, wire);
	m = encode(in, step, pieces);
	must(n == m && memcmp(wire, pieces, n) == 0);
	memcpy(wire + n, ".\r\n", 3);
	m = decode(&a, SMTP_CRLF, slice_of(wire, n + 3), n + 3, whole, &used_a);
	must(a.done && !a.bare && used_a == n + 3);
	must(encode(slice_of(whole, m), MAX, pieces) == n && memcmp(wire, pieces, n) == 0);
	return 0;
}
