// SPDX-License-Identifier: ISC
/*
 * A field is dropped if the server's name in it is our hostname.  The name is compared octet by
 * octet as it comes; a field is kept at the first octet that differs.
 */
#include "message/results.h"

void
results_begin(struct results *r, struct slice hostname, qualify_put *put, void *ctx)
{
	r->hostname = hostname;
	r->put = put;
	r->ctx = ctx;
	r->state = RESULTS_KEEP;
	r->held = (struct buf)BUF(r->space);
	/* A reader that tolerates a broken line may trust the fields behind it. */
	field_begin(&r->fields, FIELD_TO_EMPTY_LINE, SL("Authentication-Results"));
}

static bool
is_undecided(const struct results *r)
{
	return r->state != RESULTS_KEEP && r->state != RESULTS_DROP;
}

/* state: RESULTS_KEEP or RESULTS_DROP. */
static void
decide_field(struct results *r, enum results_state state)
{
	if (state == RESULTS_KEEP && r->held.n)
		r->put(r->ctx, buf_slice(&r->held));
	r->held = (struct buf)BUF(r->space);
	r->state = state;
}

static void
compare_octet(struct results *r, char c)
{
	static const char ends[] = " \t\r\n;(";		/* and NUL */
	const struct slice mine = r->hostname;

	if (r->quoted ? c == '"' : memchr(ends, c, sizeof ends) != NULL)
		decide_field(r, r->same == mine.n ? RESULTS_DROP : RESULTS_KEEP);
	else if (r->same < mine.n && ascii_lower(c) == ascii_lower(mine.p[r->same]))
		r->same++;
	else
		decide_field(r, RESULTS_KEEP);
}

/* An octet of blanks and comments (RFC 5322 section 3.2.2), or the first of the server's name. */
static void
skip_octet(struct results *r, char c)
{
	if (r->escaped) {
		r->escaped = false;
	} else if (c == '\\' && r->depth) {
		r->escaped = true;
	} else if (c == '(') {
		r->depth++;
	} else if (c == ')' && r->depth) {
		r->depth--;
	} else if (r->depth == 0 && !ascii_blank(c) && c != '\r' && c != '\n') {
		r->state = RESULTS_SERVER;
		r->quoted = c == '"';
		r->same = 0;
		if (!r->quoted)
			compare_octet(r, c);
	}
}

static void
take_name(struct results *r, struct slice piece)
{
	if (!field_may_be(&r->fields)) {
		decide_field(r, RESULTS_KEEP);
		r->put(r->ctx, piece);
		return;
	}
	buf_add(&r->held, piece);
	if (r->held.full) {
		decide_field(r, RESULTS_DROP);
	} else if (field_found(&r->fields)) {
		r->state = RESULTS_BLANKS;
		r->depth = 0;
		r->escaped = false;
	}
}

static void
take_body(struct results *r, struct slice piece)
{
	for (; piece.n && is_undecided(r); piece = slice_skip(piece, 1)) {
		const char c = piece.p[0];

		buf_chr(&r->held, c);
		if (r->held.full)
			decide_field(r, RESULTS_DROP);
		else if (r->state == RESULTS_BLANKS)
			skip_octet(r, c);
		else
			compare_octet(r, c);
	}
	if (piece.n && r->state == RESULTS_KEEP)
		r->put(r->ctx, piece);
}

void
results_content(struct results *r, struct slice octets)
{
	while (octets.n) {
		struct slice piece;
		const enum field_part part = field_take(&r->fields, &octets, &piece);

		/* A field that ends undecided names no server; a broken line is no field. */
		if (is_undecided(r) && (r->fields.first || part == FIELD_BROKEN))
			decide_field(r, RESULTS_KEEP);
		if (r->fields.first)
			r->state = part == FIELD_NAME ? RESULTS_NAME : RESULTS_KEEP;
		if (r->state == RESULTS_NAME)
			take_name(r, piece);
		else
			take_body(r, piece);
	}
}

void
results_end(struct results *r)
{
	if (is_undecided(r))
		decide_field(r, RESULTS_KEEP);
}
