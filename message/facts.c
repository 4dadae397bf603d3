// SPDX-License-Identifier: ISC
/*
 * A line ends in CRLF.  A bare CR or LF is an octet of its line, not the end of one (RFC 5321
 * section 2.3.8).  Only the header section goes through the walker
 * over fields: the rest is examined in runs without CR and LF.
 */
#include "message/facts.h"

#include "base/run.h"

void
facts_begin(struct facts *f)
{
	*f = (struct facts){ .line_start = true, .in_header = true };
	/* A loop has to be found in a broken header section too (RFC 5321 section 6.3). */
	field_begin(&f->fields, FIELD_TO_EMPTY_LINE, SL("Received"));
}

static void
note_text(struct facts *f, size_t n)
{
	if (n == 0)
		return;
	f->line_start = false;
	f->line += n;
	if (f->line > f->longest_line)
		f->longest_line = f->line;
}

static void
note_bare(struct facts *f)
{
	f->bare = true;
	f->cr = false;
	note_text(f, 1);
}

static void
note_line_end(struct facts *f)
{
	f->cr = false;
	f->line = 0;
	f->line_start = true;
}

/* Is an octet above 127? */
static bool
note_octets(struct facts *f, struct slice rest)
{
	struct run_seen seen = { 0 };

	while (rest.n) {
		size_t n;

		if (f->cr && rest.p[0] == '\n') {
			note_line_end(f);
			rest = slice_skip(rest, 1);
			continue;
		}
		if (f->cr)
			note_bare(f);
		f->dot_line |= f->line_start && rest.p[0] == '.';
		n = run_length(rest, &seen);
		note_text(f, n);
		rest = slice_skip(rest, n);
		if (rest.n == 0)
			break;
		if (slice_has_prefix(rest, SL("\r\n"))) {
			note_line_end(f);
			rest = slice_skip(rest, 2);
			continue;
		}
		f->cr = rest.p[0] == '\r';
		if (!f->cr)
			note_bare(f);
		rest = slice_skip(rest, 1);
	}
	f->nul |= seen.nul;
	f->eight_bit |= seen.high;
	return seen.high;
}

void
facts_content(struct facts *f, struct slice octets)
{
	struct slice header = octets, rest = octets;

	f->octets += octets.n;
	while (f->in_header && rest.n) {
		struct slice piece;
		const enum field_part part = field_take(&f->fields, &rest, &piece);

		f->received += part == FIELD_NAME && field_found(&f->fields);
		f->in_header = part != FIELD_OVER;
		if (!f->in_header)
			rest = piece;
	}
	header.n -= rest.n;
	f->header_eight_bit |= note_octets(f, header);
	(void)note_octets(f, rest);
}

void
facts_end(struct facts *f)
{
	if (f->cr)
		note_bare(f);
}
