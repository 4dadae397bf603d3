// SPDX-License-Identifier: ISC
#include "base/copy.h"

#include <string.h>

#include "base/buf.h"
#include "tests/lib/tap.h"

#define MOST 300

/* Copies of each length, from and to each place of a word. */
static void
check_lengths(void)
{
	char from[MOST + 8], to[MOST + 24], expected[MOST + 24];
	bool same = true;

	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (char)(i * 7 + 1);
	for (size_t n = 0; n <= MOST; n++) {
		for (size_t at = 0; at < 64; at++) {
			const size_t read = at / 8, write = 8 + at % 8;

			memset(to, 0, sizeof to);
			memset(expected, 0, sizeof expected);
			memcpy(expected + write, from + read, n);
			copy_octets(to + write, from + read, n);
			same = same && memcmp(to, expected, sizeof to) == 0;
		}
	}
	ok(same, "exactly the octets of a copy are written, up to %d", MOST);
}

static const struct digits_case {
	const char *name;
	uint64_t v;
	unsigned base;
	size_t n;
	const char *text;
} digits_cases[] = {
	{ "zeros come first", 42, 10, 4, "0042" },
	{ "the last digits of a long number", 1234567, 10, 6, "234567" },
	{ "hexadecimal digits", 0xabc012, 16, 8, "00abc012" },
	{ "the greatest number", UINT64_MAX, 10, 20, "18446744073709551615" },
	{ "no digit", 7, 10, 0, "" },
};

int
main(void)
{
	check_lengths();
	for (size_t i = 0; i < sizeof digits_cases / sizeof digits_cases[0]; i++) {
		const struct digits_case *c = &digits_cases[i];
		char space[20];
		struct buf b = BUF(space);

		buf_digits(&b, c->v, c->base, c->n);
		ok(!b.full && slice_eq(buf_slice(&b), slice_str(c->text)), "%s", c->name);
		buf_digits(&b, 1, 10, sizeof space);
		ok(b.full == (c->n > 0), "without room the buffer is full: %s", c->name);
	}
	return tap_done();
}
