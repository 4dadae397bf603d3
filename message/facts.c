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

#define BLOCK 64		/* octets: one bit for each */
#define SHORT 32		/* octets of a line of which a block has two */

/* The bit i is set if octet i of the block is an LF. */
static uint64_t
line_feeds(const char *p)
{
	const uint64_t low = RUN_EACH(0x7f);
	uint64_t mask = 0;

	for (unsigned i = 0; i < BLOCK / 8; i++) {
		uint64_t word, tops;

		memcpy(&word, p + (size_t)8 * i, sizeof word);
		word = le64toh(word) ^ RUN_EACH('\n');
		tops = ~(((word & low) + low) | word | low);
		mask |= ((tops >> 7) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
	}
	return mask;
}

/* Is a line of the block longer than n octets?  ends has a bit for the LF of each line. */
static bool
has_longer(uint64_t ends, size_t n)
{
	const size_t wanted = n + 2;		/* with its CR, an octet more */
	const uint64_t whole = ends ? ~UINT64_C(0) >> __builtin_clzll(ends) : 0;
	uint64_t runs = ~ends & whole;		/* at last: a bit for each run of that length */
	size_t length = 1;

	if (wanted >= BLOCK)
		return false;
	for (; 2 * length <= wanted; length *= 2)
		runs &= runs >> length;
	return (runs & (runs >> (wanted - length))) != 0;
}

/* Octets of the longest line. */
static size_t
longest_line(uint64_t ends)
{
	size_t start = 0, most = 0;

	for (; ends; ends &= ends - 1) {
		const size_t end = (size_t)__builtin_ctzll(ends);

		if (end - start - 1 > most)
			most = end - start - 1;
		start = end + 1;
	}
	return most;
}

/*
 * Note the whole lines at the start of a block that follows an LF.  Returns their octets; 0 if the
 * block has a bare CR or LF, or no line that ends in it.
 */
static size_t
note_short_lines(struct facts *f, const char *p, struct run_seen *seen)
{
	unsigned char bad = 0, dot = 0, high = 0, nul = 0;
	uint64_t ends;
	size_t start;

	for (int i = 0; i < BLOCK; i++) {	/* without a branch, for vectors */
		bad |= (unsigned char)((p[i] == '\n') ^ (p[i - 1] == '\r'));
		dot |= (unsigned char)((p[i] == '.') & (p[i - 1] == '\n'));
		high |= (unsigned char)p[i];
		nul |= (unsigned char)(p[i] == '\0');
	}
	if (bad)
		return 0;
	ends = line_feeds(p);
	if (has_longer(ends, f->longest_line))
		f->longest_line = longest_line(ends);
	start = ends ? BLOCK - (size_t)__builtin_clzll(ends) : 0;
	f->dot_line |= dot;
	seen->high |= high > 127;
	seen->nul |= nul;
	return start;
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
