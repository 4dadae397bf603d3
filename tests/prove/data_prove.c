// SPDX-License-Identifier: ISC
/*
 * The decoder and the encoder of DATA against references that look at the whole string.  The
 * references know one rule for dots: a dot is special if it stands at the start, or behind CRLF.
 * So a bare CR or LF never ends a content (RFC 5321 sections 2.3.8 and 4.1.1.4).
 */
#include "smtp/data.h"
#include "tests/prove/enumerate.h"

#define END    "\r\n.\r\n"
#define END_N  (sizeof END - 1)
#define NAMES  (sizeof names / sizeof names[0])
#define SIZE   (2 * ENUMERATE_MAX + 16)

static const char *const names[] = {
	[SMTP_CRLF] = "DATA of a socket",
	[SMTP_LF_TOO] = "DATA of a pipe",
	[SMTP_NORMALIZE] = "DATA of a socket, line ends normalized",
};

static enum smtp_newlines mode;

struct decoded {
	size_t n, used;
	bool done, bare;
	char text[SIZE];
};

/* Does a line end at offset i, so that a dot there is special? */
static bool
at_line_start(struct slice s, size_t i)
{
	if (i == 0)
		return true;
	if (s.p[i - 1] != '\n')
		return false;
	return mode == SMTP_LF_TOO || (i >= 2 && s.p[i - 2] == '\r');
}

/* The octets of the end of the content at offset i; 0: it is not there. */
static size_t
end_at(struct slice s, size_t i)
{
	const struct slice rest = slice_skip(s, i);

	if (!at_line_start(s, i) || rest.n == 0 || rest.p[0] != '.')
		return 0;
	if (slice_has_prefix(rest, SL(".\r\n")))
		return 3;
	return mode == SMTP_LF_TOO && slice_has_prefix(rest, SL(".\n")) ? 2 : 0;
}

/* Put what stands for the octet at offset i, which is no part of the end.  The octets used up. */
static size_t
refer_octet(struct slice s, size_t i, struct decoded *ret)
{
	const char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : '\0';
	size_t used = 1;

	if (c == '.' && at_line_start(s, i))
		return 1;
	if (c != '\r' && c != '\n') {
		ret->text[ret->n++] = c;
		return 1;
	}
	if (c == '\r' && next == '\n')
		used = 2;
	else if (c == '\r' && next == '\r' && mode == SMTP_NORMALIZE)
		return 1;
	else if (!(c == '\n' && mode == SMTP_LF_TOO) && mode != SMTP_NORMALIZE)
		ret->bare = true;
	ret->text[ret->n++] = '\r';
	ret->text[ret->n++] = '\n';
	return used;
}

static void
refer(struct slice s, struct decoded *ret)
{
	size_t end;

	ret->n = ret->used = 0;
	ret->done = ret->bare = false;
	while (ret->used < s.n && !ret->done) {
		end = end_at(s, ret->used);
		ret->done = end > 0;
		ret->used += end ? end : refer_octet(s, ret->used, ret);
	}
}

/* Decode in pieces.  Octets that a call leaves come again with the next piece. */
static bool
decode(struct slice s, unsigned cuts, struct decoded *ret)
{
	struct smtp_data d;
	size_t end = 0, used;

	smtp_data_init(&d, mode);
	ret->n = ret->used = 0;
	while (end < s.n && !d.done) {
		end += enumerate_piece(s, end, cuts);
		ret->n += smtp_data_decode(&d, slice_of(s.p + ret->used, end - ret->used),
		    ret->text + ret->n, &used);
		ret->used += used;
		if (!d.done && end - ret->used > 2)
			return false;
	}
	ret->done = d.done;
	ret->bare = d.bare;
	return true;
}

static bool
same(const struct decoded *a, const struct decoded *b)
{
	return a->done == b->done && a->used == b->used && a->bare == b->bare &&
	    (a->bare || slice_eq(slice_of(a->text, a->n), slice_of(b->text, b->n)));
}

/* All divisions of a string, with the end of a content behind it. */
static bool
decodes_pieces(struct slice s)
{
	static char space[ENUMERATE_MAX + END_N];
	static struct decoded want, got;
	const struct slice whole = slice_of(space, s.n + END_N);
	const unsigned bytewise = ((1U << END_N) - 1) << s.n;

	memcpy(space, s.p, s.n);
	memcpy(space + s.n, END, END_N);
	refer(whole, &want);
	if (!want.done)
		return false;
	for (unsigned cuts = 0; cuts < 1U << s.n; cuts++) {
		enumerate_cases++;
		if (!decode(whole, cuts, &got) || !same(&want, &got))
			return false;
	}
	return decode(whole, ~0U, &got) && same(&want, &got) &&
	    decode(whole, bytewise, &got) && same(&want, &got);
}

/* The decoder looks at 64 octets at once: the string at each place of such a block. */
static bool
decodes_block(struct slice s)
{
	char space[ENUMERATE_MAX];
	struct decoded want, got;

	for (size_t before = 0; before < 68; before++) {
		struct buf b = BUF(space);

		enumerate_cases++;
		buf_str(&b, "\r\n");
		memset(b.p + b.n, 'x', before);
		b.n += before;
		buf_add(&b, s);
		memset(b.p + b.n, 'y', 70);
		b.n += 70;
		buf_str(&b, END);
		refer(buf_slice(&b), &want);
		if (!decode(buf_slice(&b), 0, &got) || !same(&want, &got))
			return false;
	}
	return true;
}

/* ---- the encoder ---- */

/* The text with CRLF at each line end, and at its end. */
static void
refer_lines(struct slice s, struct buf *b)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
			i++;
		if (s.p[i] == '\r' || s.p[i] == '\n')
			buf_str(b, "\r\n");
		else
			buf_chr(b, s.p[i]);
	}
	if (b->n && b->p[b->n - 1] != '\n')
		buf_str(b, "\r\n");
}

static size_t
encode(struct slice s, unsigned cuts, char *out)
{
	unsigned state = 0;
	size_t at = 0, n = 0;

	do {
		const size_t piece = s.n ? enumerate_piece(s, at, cuts) : 0;

		n += smtp_data_encode(&state, slice_of(s.p + at, piece), at + piece == s.n,
		    out + n);
		at += piece;
	} while (at < s.n);
	return n;
}

/* In all divisions the wire has the same octets, which the reference decodes to the text. */
static bool
encodes(struct slice s)
{
	static char first[SIZE], other[SIZE], text_space[SIZE];
	static struct decoded got;
	struct buf text = BUF(text_space);
	const size_t n = encode(s, 0, first);

	for (unsigned cuts = 1; cuts < enumerate_cuts(s.n); cuts++) {
		enumerate_cases++;
		if (encode(s, cuts, other) != n || memcmp(first, other, n) != 0)
			return false;
	}
	memcpy(first + n, ".\r\n", 3);
	refer_lines(s, &text);
	refer(slice_of(first, n + 3), &got);
	return got.done && !got.bare && got.used == n + 3 &&
	    slice_eq(slice_of(got.text, got.n), buf_slice(&text));
}

int
main(int argc, char **argv)
{
	enumerate_init(argc, argv);
	for (size_t i = 0; i < NAMES; i++) {
		char name[100];

		mode = (enum smtp_newlines)i;
		snprintf(name, sizeof name, "%s, in all pieces", names[i]);
		enumerate(name, SL("\r\n.a"), enumerate_length(8), decodes_pieces);
		snprintf(name, sizeof name, "%s, at each place of a block", names[i]);
		enumerate(name, SL("\r\n.a"), enumerate_length(8), decodes_block);
	}
	mode = SMTP_CRLF;
	enumerate("what the client sends is the text, in all pieces", SL("\r\n.a"),
	    enumerate_length(8), encodes);
	return tap_done();
}
