// SPDX-License-Identifier: ISC
/*
 * A field is dropped if the server's name in it is our hostname, in A-labels or in U-labels.  The
 * name is compared octet by octet as it comes; a field is kept at the first octet that differs.
 *
 * UTF-8 can spell our name in further ways: with wide letters or dots, in other case, decomposed.
 * If the name has UTF-8, or our name has U-labels, it is also compared as a domain when it ends.
 */
#include "message/results.h"

/* A longer name is read in pieces by a tolerant reader; each comparison costs as much as the name
 * is long. */
#define COMPARED_MAX 4

void
results_begin(struct results *r, struct slice hostname, qualify_put *put, void *ctx)
{
	r->names[0] = hostname;
	r->names[1] = idn_unicode(hostname, &r->unicode);
	r->nnames = r->names[1].p == hostname.p || slice_ieq(r->names[1], hostname) ? 1 : 2;
	r->out = (struct joined){ put, ctx, { 0 } };
	r->state = RESULTS_KEEP;
	r->held = (struct buf)BUF(r->space);
	r->open = slice_of(NULL, 0);
	/* A reader that tolerates a broken line may trust the fields behind it. */
	field_begin(&r->fields, FIELD_TO_EMPTY_LINE, SL("Authentication-Results"));
}

static bool
is_undecided(const struct results *r)
{
	return r->state != RESULTS_KEEP && r->state != RESULTS_DROP;
}

/* Let the octets of a field go on, or drop them.  state: RESULTS_KEEP or RESULTS_DROP. */
static void
settle_field(struct results *r, enum results_state state)
{
	if (state == RESULTS_KEEP) {
		if (r->held.n)
			joined_put(&r->out, buf_slice(&r->held));
		joined_add(&r->out, r->open);
	}
	r->held.n = r->open.n = 0;
	r->held.full = false;
	r->state = state;
}

/* octets follow those of the field that are open already. */
static void
open_octets(struct results *r, struct slice octets)
{
	if (r->open.n == 0)
		r->open = octets;
	else
		r->open.n += octets.n;
}

/* Can more spellings than the octets of our names be our name? */
static bool
is_open(const struct results *r)
{
	return r->high || r->nnames == 2;
}

/* The name is longer than usual spellings of ours: four octets for each of a name in A-labels.
 * ASCII then names another server; UTF-8 may be padded with characters that count as nothing. */
static enum results_state
too_long(const struct results *r)
{
	return r->high ? RESULTS_DROP : RESULTS_KEEP;
}

#define SPELLED_MAX(r) (4 * (r)->names[0].n + 64)

/* Octets of an undecided field. */
static void
hold_octets(struct results *r, struct slice octets)
{
	open_octets(r, octets);
	if (r->held.n + r->open.n > r->held.cap)
		settle_field(r, RESULTS_DROP);
}

/* A domain may end in a dot, also in a wide one. */
static struct slice
without_dot(struct slice name)
{
	static const struct slice dots[] = { S("."), S("\u3002"), S("\uff0e"), S("\uff61") };

	for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++)
		if (name.n > dots[i].n && slice_eq(slice_of(name.p + name.n - dots[i].n, dots[i].n),
		    dots[i]))
			return slice_of(name.p, name.n - dots[i].n);
	return name;
}

/* An octet that ends the server's name if the name is complete. */
static void
end_name(struct results *r)
{
	for (size_t i = 0; i < r->nnames; i++)
		if (r->same[i] == r->names[i].n && is_undecided(r))
			r->state = RESULTS_DROP;
	if (is_undecided(r) && is_open(r) && r->spelled.n && r->compared++ < COMPARED_MAX &&
	    idn_same(without_dot(buf_slice(&r->spelled)), r->names[0]))
		r->state = RESULTS_DROP;
}

static void
compare_octet(struct results *r, char c)
{
	bool differs = true;

	if (r->spelled.n < r->spelled.cap)
		r->spelled.p[r->spelled.n++] = c;
	r->high |= (unsigned char)c > 127;
	for (size_t i = 0; i < r->nnames; i++) {
		const struct slice mine = r->names[i];
		size_t *same = &r->same[i];

		if (*same < mine.n && ascii_lower(c) == ascii_lower(mine.p[*same]))
			++*same;
		/* Octets above 127 may be a blank of Unicode; a dot at the end is nothing. */
		else if (!(i == 0 && (unsigned char)c > 127) && (*same != mine.n || c != '.'))
			*same = SIZE_MAX;
		differs = differs && *same == SIZE_MAX;
	}
	if (differs && (!is_open(r) || r->spelled.n > SPELLED_MAX(r)))
		r->state = is_open(r) ? too_long(r) : RESULTS_KEEP;
}

static void
take_comment(struct results *r, char c)
{
	if (r->escaped)
		r->escaped = false;
	else if (c == '\\')
		r->escaped = true;
	else if (c == '(')
		r->depth++;
	else if (c == ')')
		r->depth--;
}

/* Blanks, line ends, and control characters, which some readers drop and others take for blanks. */
static bool
is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/*
 * An octet of the name (RFC 8601 section 2.2), with all that a tolerant reader drops: comments,
 * blanks, quotes, and the backslash of a quoted pair.
 */
static void
take_octet(struct results *r, char c)
{
	const bool escaped = r->escaped;

	r->escaped = false;
	if (escaped && !is_blank(c)) {
		compare_octet(r, c);
		return;
	}
	if (c == '\\') {
		r->escaped = true;
	} else if (c == '(' && !r->quoted) {
		end_name(r);
		r->depth = 1;
	} else if (is_blank(c) || c == '"') {
		end_name(r);
		r->quoted ^= c == '"';
	} else if (c == ';' && !r->quoted) {
		end_name(r);
		if (is_undecided(r))
			r->state = RESULTS_KEEP;
	} else {
		compare_octet(r, c);
	}
}

static void
take_name(struct results *r, struct slice piece)
{
	hold_octets(r, piece);
	if (!is_undecided(r))
		return;
	if (!field_may_be(&r->fields)) {
		settle_field(r, RESULTS_KEEP);
	} else if (field_found(&r->fields)) {
		r->state = RESULTS_SERVER;
		r->depth = 0;
		r->escaped = r->quoted = r->blank = false;
		r->same[0] = r->same[1] = 0;
		r->spelled = (struct buf)BUF(r->name);
		r->high = false;
		r->compared = 0;
	}
}

static void
take_body(struct results *r, struct slice piece)
{
	size_t n = 0;

	if (!is_undecided(r)) {
		if (r->state == RESULTS_KEEP)
			joined_add(&r->out, piece);
		return;
	}
	for (; n < piece.n && is_undecided(r); n++) {
		if (r->depth)
			take_comment(r, piece.p[n]);
		else if (!is_blank(piece.p[n]) || !r->blank)
			take_octet(r, piece.p[n]);	/* one blank has the effect of many */
		r->blank = is_blank(piece.p[n]);
	}
	if (is_undecided(r)) {
		hold_octets(r, piece);
		return;
	}
	if (r->held.n + r->open.n + n > r->held.cap && r->state != RESULTS_KEEP)
		r->state = RESULTS_DROP;
	open_octets(r, piece);
	settle_field(r, r->state);
}

void
results_content(struct results *r, struct slice octets)
{
	while (octets.n) {
		struct slice piece;
		const enum field_part part = field_take(&r->fields, &octets, &piece);

		/* A field that ends undecided names no server; a broken line is not a field. */
		if (is_undecided(r) && (r->fields.first || part == FIELD_BROKEN))
			settle_field(r, RESULTS_KEEP);
		if (r->fields.first)
			r->state = part == FIELD_NAME ? RESULTS_NAME : RESULTS_KEEP;
		if (r->state == RESULTS_NAME)
			take_name(r, piece);
		else
			take_body(r, piece);
	}
	buf_add(&r->held, r->open);
	r->open.n = 0;
	joined_flush(&r->out);
}

void
results_end(struct results *r)
{
	if (is_undecided(r))
		settle_field(r, RESULTS_KEEP);
	joined_flush(&r->out);
}
