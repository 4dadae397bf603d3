// SPDX-License-Identifier: ISC
/*
 * The canonical forms of DKIM (RFC 6376 section 3.4) against references that have the whole text.
 * The code gets a body in pieces, and looks at 64 octets at once.
 */
#include "message/dkim.h"
#include "tests/prove/enumerate.h"

#define SIZE 4096

static bool simple;

static void
collect(void *ctx, struct slice octets)
{
	buf_add(ctx, octets);
}

/* The length of the line at the start of s, without its CRLF. */
static size_t
line_length(struct slice s)
{
	const char *end = s.n ? memmem(s.p, s.n, "\r\n", 2) : NULL;

	return end ? (size_t)(end - s.p) : s.n;
}

/* One line in relaxed form: runs of blanks are one, and none ends the line. */
static void
relax_line(struct slice line, struct buf *b)
{
	while (line.n && ascii_blank(line.p[line.n - 1]))
		line.n--;
	for (size_t i = 0; i < line.n; i++) {
		if (!ascii_blank(line.p[i]))
			buf_chr(b, line.p[i]);
		else if (i == 0 || !ascii_blank(line.p[i - 1]))
			buf_chr(b, ' ');
	}
}

/* Sections 3.4.3 and 3.4.4: all lines, then the empty ones at the end are removed. */
static void
refer_body(struct slice s, struct buf *b)
{
	size_t end = 0;			/* behind the last line that is not empty */

	while (s.n) {
		const size_t n = line_length(s), at = b->n;

		if (simple)
			buf_add(b, slice_of(s.p, n));
		else
			relax_line(slice_of(s.p, n), b);
		buf_str(b, "\r\n");
		if (b->n > at + 2)
			end = b->n;
		s = slice_skip(s, n + 2);
	}
	b->n = end;
	if (simple && b->n == 0)
		buf_str(b, "\r\n");
}

static bool
body_is(struct slice s, unsigned cuts, struct slice want)
{
	static struct dkim_body body;
	char space[SIZE];
	struct buf got = BUF(space);
	const struct dkim_sink sink = { collect, &got };

	enumerate_cases++;
	dkim_body_begin(&body, &sink);
	body.simple = simple;
	for (size_t at = 0; at < s.n;) {
		const size_t n = enumerate_piece(s, at, cuts);

		dkim_body_take(&body, slice_of(s.p + at, n));
		at += n;
	}
	dkim_body_end(&body);
	return slice_eq(buf_slice(&got), want);
}

static bool
body_in_pieces(struct slice s)
{
	char space[SIZE];
	struct buf want = BUF(space);

	refer_body(s, &want);
	for (unsigned cuts = 0; cuts < enumerate_cuts(s.n); cuts++)
		if (!body_is(s, cuts, buf_slice(&want)))
			return false;
	return true;
}

/* The string at each place of a block, behind text and in front of text or the end. */
static bool
body_in_block(struct slice s)
{
	char space[ENUMERATE_MAX], want_space[SIZE];

	for (size_t before = 1; before < 68; before++)
		for (size_t behind = 0; behind <= 70; behind += 70) {
			struct buf b = BUF(space), want = BUF(want_space);

			memset(space, 'x', sizeof space);
			b.n = before;
			buf_add(&b, s);
			b.n += behind;
			memset(space + b.n - behind, 'y', behind);
			refer_body(buf_slice(&b), &want);
			if (!body_is(buf_slice(&b), 0, buf_slice(&want)))
				return false;
		}
	return true;
}

/* ---- a field ---- */

/* Is it the rest of a field: its CRLF are folds, but the last one, which ends it? */
static bool
is_rest(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			return false;
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return false;
		if (s.p[i] == '\n' && i + 1 < s.n && !ascii_blank(s.p[i + 1]))
			return false;
	}
	return s.n >= 2 && s.p[s.n - 1] == '\n';
}

/* Section 3.4.2: the steps in its order. */
static void
refer_field(struct slice body, struct buf *b)
{
	char unfolded_space[ENUMERATE_MAX], relaxed_space[ENUMERATE_MAX];
	struct buf unfolded = BUF(unfolded_space), relaxed = BUF(relaxed_space);

	for (size_t i = 0; i < body.n; i++)
		if (body.p[i] != '\r' && body.p[i] != '\n')
			buf_chr(&unfolded, body.p[i]);
	relax_line(buf_slice(&unfolded), &relaxed);
	buf_str(b, "sub:");
	buf_add(b, slice_trim(buf_slice(&relaxed)));
	buf_str(b, "\r\n");
}

static bool
field_relaxed(struct slice s)
{
	char got_space[SIZE], want_space[SIZE];
	struct buf got = BUF(got_space), want = BUF(want_space);
	const struct dkim_sink sink = { collect, &got };

	if (!is_rest(s))
		return true;
	dkim_field(SL("SuB"), s, &sink);
	refer_field(s, &want);
	return slice_eq(buf_slice(&got), buf_slice(&want));
}

int
main(int argc, char **argv)
{
	enumerate_init(argc, argv);
	enumerate("a relaxed body, in all pieces", SL(" \t\r\na"), enumerate_length(7),
	    body_in_pieces);
	enumerate("a relaxed body, at each place of a block", SL(" \t\r\na"), enumerate_length(6),
	    body_in_block);
	simple = true;
	enumerate("a simple body, in all pieces", SL(" \r\na"), enumerate_length(8),
	    body_in_pieces);
	enumerate("a simple body, at each place of a block", SL(" \r\na"), enumerate_length(6),
	    body_in_block);
	enumerate("a relaxed field", SL(" \t\r\na:"), enumerate_length(8), field_relaxed);
	return tap_done();
}
