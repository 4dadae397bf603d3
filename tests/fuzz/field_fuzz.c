// SPDX-License-Identifier: ISC
/*
 * Header fields.  The first octet chooses the rule and the size of the pieces.  A stream in pieces
 * and one that is whole find the same fields, as field_next() does, and no octet is lost.
 */
#include <stdlib.h>

#include "message/facts.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536

/* The part of each octet goes to tags.  Returns the fields with the name "Received". */
static unsigned
stream(enum field_rule rule, struct slice in, size_t step, char *tags)
{
	struct field_walk w;
	unsigned wanted = 0;
	size_t n = 0;

	field_begin(&w, rule, SL("Received"));
	while (in.n) {
		struct slice now = slice_of(in.p, in.n < step ? in.n : step), piece;

		in = slice_skip(in, now.n);
		while (now.n) {
			const enum field_part part = field_take(&w, &now, &piece);

			must(piece.n > 0);
			memset(tags + n, (int)part + (w.first ? 8 : 0), piece.n);
			memset(tags + n + 1, (int)part, piece.n - 1);
			n += piece.n;
			wanted += part == FIELD_NAME && field_found(&w);
		}
	}
	return wanted;
}

/* Returns the fields with the name "Received". */
static unsigned
whole_fields(enum field_rule rule, struct slice in, const char *tags)
{
	struct slice rest = in;
	unsigned wanted = 0;
	struct field f;
	size_t at = 0;

	while (field_next(&rest, rule, &f)) {
		must(f.octets.p == in.p + at && f.octets.n > 0 && (tags[at] & 8));
		for (size_t i = 1; i < f.octets.n; i++)
			must(!(tags[at + i] & 8) && tags[at + i] != FIELD_OVER);
		must(f.name.n == 0 || f.body.n == 0 || tags[at + f.octets.n - 1] == FIELD_BODY);
		must(rule == FIELD_TO_EMPTY_LINE || f.name.n);
		wanted += field_is(&f, SL("Received"));
		at += f.octets.n;
	}
	must(rest.n == in.n - at);
	if (rest.n)
		must((tags[in.n - 1] & 7) == FIELD_OVER ||
		    (rule == FIELD_TO_BROKEN_LINE && (tags[in.n - 1] & 7) == FIELD_NAME));
	return wanted;
}

static void
facts(struct slice in, size_t step, unsigned received)
{
	struct facts a, b;

	facts_begin(&a);
	facts_content(&a, in);
	facts_end(&a);
	facts_begin(&b);
	for (struct slice rest = in; rest.n; rest = slice_skip(rest, step))
		facts_content(&b, slice_of(rest.p, rest.n < step ? rest.n : step));
	facts_end(&b);
	must(a.octets == in.n && b.octets == in.n);
	must(a.received == received && b.received == received);
	must(a.eight_bit == b.eight_bit && a.header_eight_bit == b.header_eight_bit &&
	    a.dot_line == b.dot_line && a.bare == b.bare && a.nul == b.nul &&
	    a.longest_line == b.longest_line && a.line_start == b.line_start);
	must(a.eight_bit == !slice_is_ascii(in) && a.nul == (memchr(in.p, '\0', in.n) != NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char whole[MAX], pieces[MAX];
	struct slice in = slice_of((const char *)data, size);
	enum field_rule rule;
	unsigned received;
	size_t step;
	bool complete;

	if (size < 2 || size > MAX)
		return 0;
	rule = data[0] & 1 ? FIELD_TO_BROKEN_LINE : FIELD_TO_EMPTY_LINE;
	step = 1U + (data[0] >> 1);
	in = slice_skip(in, 1);
	received = stream(rule, in, in.n, whole);
	must(stream(rule, in, step, pieces) == received && memcmp(whole, pieces, in.n) == 0);
	must(whole_fields(rule, in, whole) == received);
	facts(in, step, stream(FIELD_TO_EMPTY_LINE, in, in.n, whole));
	must(field_section(in, true, &complete).n <= in.n && complete);
	return 0;
}
