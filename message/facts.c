// SPDX-License-Identifier: ISC
/*
 * A line ends in CRLF.  A bare CR or LF is an octet of its line, not the end of one (RFC 5321
 * section 2.3.8).  Only the header section goes through the walker over fields.  The rest is
 * examined in runs without CR and LF, and short lines in blocks of many.
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

#define BLOCK 256		/* octets */
#define SHORT 64		/* octets of a line of which a block has several */

/* The place behind the last LF of [p, end); p if there is none. */
static const char *
last_line_end(const char *p, const char *end)
{
	const uint64_t low = RUN_EACH(0x7f);
	uint64_t word;

	for (; end - p >= (ptrdiff_t)sizeof word; end -= sizeof word) {
		uint64_t feeds;

		memcpy(&word, end - sizeof word, sizeof word);
		word = le64toh(word) ^ RUN_EACH('\n');
		feeds = ~(((word & low) + low) | word | low);
		if (feeds)
			return end - __builtin_clzll(feeds) / 8;
	}
	while (end > p && end[-1] != '\n')
		end--;
	return end;
}

/* Note the longest of the lines in [p, end), which are whole.  A line is longer than all before it
 * if so many octets from its start on are without an LF. */
static void
note_lengths(struct facts *f, const char *p, const char *end)
{
	while (end - p > (ptrdiff_t)f->longest_line + 2) {
		const char *window = p + f->longest_line + 2;
		const char *next = last_line_end(p, window);

		if (next == p) {
			next = (const char *)memchr(window, '\n', (size_t)(end - window)) + 1;
			f->longest_line = (uint64_t)(next - p) - 2;
		}
		p = next;
	}
}

/*
 * Note the whole lines at the start of a block that follows an LF.  Returns their octets; 0 if the
 * block has a bare CR or LF, or no line that ends in it.
 */
static size_t
note_short_lines(struct facts *f, const char *p, struct run_seen *seen)
{
	unsigned char bad = 0, dot = 0, high = 0, nul = 0;
	size_t n;

	for (int i = 0; i < BLOCK; i++) {	/* without a branch, for vectors */
		bad |= (unsigned char)((p[i] == '\n') ^ (p[i - 1] == '\r'));
		dot |= (unsigned char)((p[i] == '.') & (p[i - 1] == '\n'));
		high |= (unsigned char)p[i];
		nul |= (unsigned char)(p[i] == '\0');
	}
	if (bad)
		return 0;
	n = (size_t)(last_line_end(p, p + BLOCK) - p);
	note_lengths(f, p, p + n);
	f->dot_line |= dot;
	seen->high |= high > 127;
	seen->nul |= nul;
	return n;
}

static void
note_octets(struct facts *f, struct slice rest)
{
	const char *block = rest.p;	/* none is tried before this octet */
	struct run_seen seen = { 0 };
	bool short_line = false;	/* the line in front is one; it lies in the same slice */

	while (rest.n) {
		size_t n;

		if (short_line && f->line_start && rest.n >= BLOCK && rest.p >= block) {
			block = rest.p + BLOCK;
			n = note_short_lines(f, rest.p, &seen);
			rest = slice_skip(rest, n);
			if (n) {
				block = rest.p;
				continue;
			}
		}

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
			short_line = n < SHORT;
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
}

/* Take the facts that were noted since the last part. */
static struct facts_part
take_part(struct facts *f)
{
	const struct facts_part part = { f->longest_line, f->eight_bit, f->dot_line };

	f->longest_line = 0;
	f->eight_bit = f->dot_line = false;
	return part;
}

static void
join_parts(struct facts *f)
{
	const struct facts_part *h = &f->header, *b = &f->body;

	f->longest_line = h->longest_line > b->longest_line ? h->longest_line : b->longest_line;
	f->eight_bit = h->eight_bit || b->eight_bit;
	f->header_eight_bit = h->eight_bit;
	f->dot_line = h->dot_line || b->dot_line;
}

void
facts_content(struct facts *f, struct slice octets)
{
	const bool was_in_header = f->in_header;
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
	note_octets(f, header);
	if (was_in_header && !f->in_header)
		f->header = take_part(f);
	note_octets(f, rest);
}

void
facts_end(struct facts *f)
{
	if (f->cr)
		note_bare(f);
	if (f->in_header)
		f->header = take_part(f);
	else
		f->body = take_part(f);
	join_parts(f);
}

void
facts_new_header(struct facts *f, struct slice header)
{
	struct facts h;

	facts_begin(&h);
	facts_content(&h, header);
	facts_end(&h);
	f->header = h.header;
	f->received = h.received;
	if (f->in_header)
		f->line_start = h.line_start;
	join_parts(f);
}
