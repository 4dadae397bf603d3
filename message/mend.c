// SPDX-License-Identifier: ISC
/*
 * The walker over fields finds the broken line.  Postfix and Exim end a header section in the same
 * place, and Postfix has the same field for the line of a mailbox file.
 */
#include "message/mend.h"

#include "base/run.h"

void
mend_begin(struct mend *m, qualify_put *put, void *ctx)
{
	m->out = (struct joined){ put, ctx, { 0 } };
	m->state = MEND_HEADER;
	m->top = true;
	m->cr = m->bare = false;
	m->octets = 0;
	m->name = (struct buf)BUF(m->space);
	field_begin(&m->fields, FIELD_TO_BROKEN_LINE, SL(""));
}

/* A bare CR or LF becomes the end of a line. */
static void
put_line_end(struct mend *m)
{
	joined_put(&m->out, SL("\r\n"));
	m->bare = true;
}

static void
put_name(struct mend *m)
{
	joined_put(&m->out, buf_slice(&m->name));
	m->name.n = 0;
}

static void
begin_text(struct mend *m)
{
	joined_put(&m->out, SL("\r\n"));
	put_name(m);
	m->state = MEND_TEXT;
}

/* "From joe Mon Jan  1", also with the '>' in front that a mailbox file puts there. */
static bool
is_mailbox_line(const struct mend *m)
{
	struct slice name = buf_slice(&m->name);

	while (slice_has_prefix(name, SL(">")))
		name = slice_skip(name, 1);
	return m->top && slice_has_prefix(name, SL("From "));
}

/* The line is not a field.  Its first octets may be in the buffer. */
static void
break_line(struct mend *m)
{
	if (!is_mailbox_line(m)) {
		begin_text(m);
		return;
	}
	joined_put(&m->out, SL("X-Mailbox-Line: "));
	put_name(m);
	m->octets += MEND_PIECES_STEP;
	m->state = MEND_MAILBOX;
}

/* octets: what the walker took for the end of the section, at the start of *in. */
static void
end_fields(struct mend *m, struct slice octets, struct slice *in)
{
	if (m->name.n || (octets.p[0] != '\r' && octets.p[0] != '\n')) {
		break_line(m);
	} else if (octets.p[0] == '\r') {
		m->state = MEND_CR;
	} else {
		put_line_end(m);
		m->state = MEND_TEXT;
		*in = slice_skip(*in, 1);
	}
}

/* Put a text with blanks in place of NUL: no server without BINARYMIME would take it. */
static void
put_without_nul(struct mend *m, struct slice text)
{
	char space[512];

	while (text.n) {
		const size_t n = text.n < sizeof space ? text.n : sizeof space;

		for (size_t i = 0; i < n; i++)
			space[i] = text.p[i] ? text.p[i] : ' ';
		joined_put(&m->out, slice_of(space, n));
		text = slice_skip(text, n);
	}
}

/* Take octets of a line, up to its end or to the end of `in`.  True at the end of the line. */
static bool
take_line(struct mend *m, struct slice *in)
{
	struct run_seen seen = { 0 };
	struct slice text = slice_of(in->p, run_length(*in, &seen));
	const struct slice end = slice_skip(*in, text.n);
	const bool whole = slice_has_prefix(end, SL("\r\n"));

	if (seen.nul) {
		put_without_nul(m, text);
		m->octets += MEND_PIECES_STEP;
	}
	if (whole)
		joined_add(&m->out, seen.nul ? slice_of(end.p, 2) : slice_of(text.p, text.n + 2));
	else if (!seen.nul)
		joined_add(&m->out, text);
	*in = slice_skip(end, whole ? 2 : end.n > 0);
	m->cr = end.n == 1 && end.p[0] == '\r';
	if (end.n && !whole && !m->cr)
		put_line_end(m);
	return end.n && !m->cr;
}

/* The line with the CR ends here, whether it was bare or not. */
static void
take_held_cr(struct mend *m, struct slice *in)
{
	m->cr = false;
	if (in->p[0] != '\n') {
		put_line_end(m);
		return;
	}
	joined_put(&m->out, SL("\r\n"));
	*in = slice_skip(*in, 1);
}

static void
take_mailbox_line(struct mend *m, struct slice *in)
{
	if (m->cr)
		take_held_cr(m, in);
	else if (!take_line(m, in))
		return;
	m->state = MEND_HEADER;
	field_begin(&m->fields, FIELD_TO_BROKEN_LINE, SL(""));
}

static void
take_body(struct mend *m, struct slice *in)
{
	if (m->cr)
		take_held_cr(m, in);
	else if (!take_line(m, in))
		return;
	m->fields.line_start = true;
}

/* An empty line ends in CRLF.  A CR alone is text. */
static void
take_behind_cr(struct mend *m, struct slice *in)
{
	if (in->n == 1 && m->name.n == 0 && in->p[0] == '\r') {
		*in = slice_skip(*in, 1);
		buf_chr(&m->name, '\r');
		return;
	}
	if (m->name.n ? in->p[0] == '\n' : in->p[1] == '\n')
		m->state = MEND_TEXT;
	else
		begin_text(m);
	put_name(m);
}

static void
take_field(struct mend *m, struct slice *in)
{
	struct slice piece, rest = *in;

	switch (field_take(&m->fields, &rest, &piece)) {
	case FIELD_NAME:
		if (m->name.n == 0 && m->fields.part == FIELD_BODY &&
		    piece.n <= m->name.cap) {	/* it is whole */
			joined_add(&m->out, piece);
			m->top = false;
			break;
		}
		buf_add(&m->name, piece);
		if (m->name.full) {
			m->name.full = false;
			begin_text(m);
			return;
		}
		if (m->fields.part == FIELD_BODY) {
			put_name(m);
			m->top = false;
		}
		break;
	case FIELD_BODY:
	case FIELD_BROKEN:
		m->fields.line_start = false;
		take_body(m, in);
		return;
	case FIELD_OVER:
		end_fields(m, piece, in);
		return;
	}
	*in = rest;
}

void
mend_content(struct mend *m, struct slice octets)
{
	while (octets.n && m->state != MEND_TEXT) {
		const size_t before = octets.n;

		if (m->octets > MEND_HEADER_MAX && m->fields.line_start)
			begin_text(m);
		else if (m->state == MEND_HEADER)
			take_field(m, &octets);
		else if (m->state == MEND_CR)
			take_behind_cr(m, &octets);
		else
			take_mailbox_line(m, &octets);
		m->octets += before - octets.n + MEND_STEP;
	}
	joined_add(&m->out, octets);
	joined_flush(&m->out);
}

void
mend_end(struct mend *m)
{
	if (m->cr)
		put_line_end(m);
	else if (m->name.n && m->state != MEND_TEXT)
		break_line(m);
	m->cr = false;
	m->state = MEND_TEXT;
}
