// SPDX-License-Identifier: ISC
/*
 * Everything special begins at a CR, at an LF or at the start of a line.  The octets between are
 * copied unchanged, many lines at once.
 */
#include "smtp/data.h"

#include "base/run.h"

/* Octets before the first CR or LF of s. */
static size_t
text_length(struct slice s)
{
	struct run_seen seen = { 0 };

	return run_length(s, &seen);
}

void
smtp_data_init(struct smtp_data *d, enum smtp_newlines newlines)
{
	*d = (struct smtp_data){ .newlines = newlines, .line_start = true };
}

enum line_end {
	END_NONE,
	END_LINE,
	END_BARE,		/* spoils the content */
	END_TEXT,		/* a line end in the text, but never a part of the content's end */
	END_DROP,		/* a CR in front of another: CRCRLF is one line end, not two */
	END_UNKNOWN,		/* more octets are needed */
};

static enum line_end
bare_newline(const struct smtp_data *d, struct slice s)
{
	if (d->newlines != SMTP_NORMALIZE)
		return END_BARE;
	return s.n > 1 && s.p[0] == '\r' && s.p[1] == '\r' ? END_DROP : END_TEXT;
}

/* The kind of line end at the start of s, and the number of its octets. */
static enum line_end
line_end(const struct smtp_data *d, struct slice s, size_t *ret_n)
{
	*ret_n = 1;
	if (s.n == 0)
		return END_UNKNOWN;
	if (s.p[0] == '\n')
		return d->newlines == SMTP_LF_TOO ? END_LINE : bare_newline(d, s);
	if (s.p[0] != '\r')
		return END_NONE;
	if (s.n < 2)
		return END_UNKNOWN;
	if (s.p[1] != '\n')
		return bare_newline(d, s);
	*ret_n = 2;
	return END_LINE;
}

struct copy {
	const char *from;	/* the first octet of the input that is not copied yet */
	char *out;
	size_t n;		/* octets in out */
};

static void
copy_until(struct copy *c, const char *end)
{
	memcpy(c->out + c->n, c->from, (size_t)(end - c->from));
	c->n += (size_t)(end - c->from);
	c->from = end;
}

#define BLOCK 256

/* A block without a bare CR or LF.  The caller owns the octets in front of it and behind it. */
enum block {
	BLOCK_CLEAN,		/* it needs no change */
	BLOCK_DOTS,		/* dots that begin a line, none of them in front of a CR or LF */
	BLOCK_OTHER,		/* a bare CR or LF, or maybe the end of the content */
};

static enum block
look_at_block(const char *p)
{
	unsigned char bad = 0, dots = 0;

	for (int i = 0; i < BLOCK; i++) {	/* without a branch, for vectors */
		const unsigned char dot = (p[i] == '.') & (p[i - 1] == '\n');

		bad |= (unsigned char)(((p[i] == '\n') ^ (p[i - 1] == '\r')) |
		    (dot & ((p[i + 1] == '\r') | (p[i + 1] == '\n'))));
		dots |= dot;
	}
	return bad ? BLOCK_OTHER : dots ? BLOCK_DOTS : BLOCK_CLEAN;
}

/* The top bits of the octets of a word that are a dot behind an LF. */
static uint64_t
line_dots(const char *p, uint64_t word)
{
	const uint64_t low = RUN_EACH(0x7f), dots = word ^ RUN_EACH('.');
	uint64_t feeds;

	memcpy(&feeds, p - 1, sizeof feeds);
	feeds = le64toh(feeds) ^ RUN_EACH('\n');
	return ~(((dots & low) + low) | dots | ((feeds & low) + low) | feeds | low);
}

/* A block may have a dot every four octets, so it is copied in words, not in runs of memcpy(). */
static void
remove_dots(struct copy *c, size_t n)
{
	const char *p = c->from, *end = p + n;
	uint64_t word;

	for (; end - p >= (ptrdiff_t)sizeof word; p += sizeof word) {
		uint64_t dots, from;
		size_t left;

		memcpy(&word, p, sizeof word);
		word = le64toh(word);
		left = sizeof word;
		for (dots = line_dots(p, word); dots; dots &= from - 1) {	/* the last first */
			from = UINT64_C(1) << (56 - __builtin_clzll(dots) / 8 * 8);
			word = (word & (from - 1)) | (word >> 8 & ~(from - 1));
			left--;
		}
		word = htole64(word);
		memcpy(c->out + c->n, &word, sizeof word);
		c->n += left;
	}
	for (; p < end; p++) {
		c->out[c->n] = *p;
		c->n += !((p[0] == '.') & (p[-1] == '\n'));
	}
	c->from = end;
}

/* Copy whole blocks at the start of rest, which follows a CRLF.  Returns their octets. */
static size_t
take_blocks(struct copy *c, struct slice rest)
{
	size_t n = 0;

	while (rest.n - n > BLOCK) {
		const char *p = rest.p + n;
		const enum block block = look_at_block(p);
		/* A CR is left to the LF behind it. */
		const size_t octets = p[BLOCK - 1] == '\r' ? BLOCK - 1 : BLOCK;

		if (block == BLOCK_OTHER)
			break;
		if (block == BLOCK_DOTS) {
			copy_until(c, p);
			remove_dots(c, octets);
		}
		n += octets;
	}
	return n;
}

/* s begins with a dot at the start of a line.  Returns the octets that are not content, or 0 if
 * more are needed. */
static size_t
leading_dot(struct smtp_data *d, struct slice s)
{
	size_t n;

	switch (line_end(d, slice_skip(s, 1), &n)) {
	case END_UNKNOWN:
		return 0;
	case END_LINE:
		d->done = true;
		return 1 + n;
	case END_NONE:
	case END_BARE:
	case END_TEXT:
	case END_DROP:
		break;
	}
	d->line_start = false;
	return 1;
}

/* octets: a line end of the kind `end`. */
static void
take_line_end(struct smtp_data *d, struct copy *c, struct slice octets, enum line_end end)
{
	if (end == END_BARE) {
		d->bare = true;
		d->line_start = false;
		return;
	}
	if (end != END_DROP)		/* behind END_TEXT a dot is content */
		d->line_start = end == END_LINE;
	if (end == END_LINE && octets.n == 2)
		return;
	copy_until(c, octets.p);
	c->from += octets.n;
	if (end == END_DROP)
		return;
	memcpy(c->out + c->n, "\r\n", 2);
	c->n += 2;
}

size_t
smtp_data_decode(struct smtp_data *d, struct slice in, char *out, size_t *ret_consumed)
{
	struct copy copy = { .from = in.p, .out = out };
	struct slice rest = in;

	while (rest.n && !d->done) {
		enum line_end end;
		size_t n;

		if (d->line_start && rest.p[0] == '.') {
			n = leading_dot(d, rest);
			if (n == 0)
				break;
			copy_until(&copy, rest.p);
			rest = slice_skip(rest, n);
			copy.from = rest.p;
			continue;
		}
		n = text_length(rest);
		if (n)
			d->line_start = false;
		rest = slice_skip(rest, n);
		if (slice_has_prefix(rest, SL("\r\n"))) {	/* by far the most frequent */
			rest = slice_skip(rest, 2);
			rest = slice_skip(rest, take_blocks(&copy, rest));
			d->line_start = rest.p[-1] == '\n';
			continue;
		}
		end = line_end(d, rest, &n);
		if (end == END_UNKNOWN)
			break;
		take_line_end(d, &copy, slice_of(rest.p, n), end);
		rest = slice_skip(rest, n);
	}
	if (in.n)
		copy_until(&copy, rest.p);
	*ret_consumed = in.n - rest.n;
	return copy.n;
}

enum encode_state { AT_LINE_START, IN_LINE, AFTER_CR };

size_t
smtp_data_encode(unsigned *state, struct slice in, bool last, char *out)
{
	struct copy copy = { .from = in.p, .out = out };
	struct slice rest = in;

	while (rest.n) {
		size_t n;

		if (*state == AFTER_CR && rest.p[0] == '\n') {	/* CRLF was written for the CR */
			*state = AT_LINE_START;
			rest = slice_skip(rest, 1);
			copy.from = rest.p;
			continue;
		}
		if (*state != IN_LINE && rest.p[0] == '.') {
			copy_until(&copy, rest.p);
			copy.out[copy.n++] = '.';
		}
		n = text_length(rest);
		if (n)
			*state = IN_LINE;
		rest = slice_skip(rest, n);
		if (rest.n == 0)
			break;
		if (slice_has_prefix(rest, SL("\r\n"))) {
			*state = AT_LINE_START;
			rest = slice_skip(rest, 2);
			continue;
		}
		copy_until(&copy, rest.p);
		memcpy(copy.out + copy.n, "\r\n", 2);
		copy.n += 2;
		*state = rest.p[0] == '\r' ? AFTER_CR : AT_LINE_START;
		rest = slice_skip(rest, 1);
		copy.from = rest.p;
	}
	if (in.n)
		copy_until(&copy, rest.p);
	if (last && *state == IN_LINE) {
		memcpy(copy.out + copy.n, "\r\n", 2);
		copy.n += 2;
		*state = AT_LINE_START;
	}
	return copy.n;
}
