// SPDX-License-Identifier: ISC
/*
 * Dots and line ends, both ways (RFC 5321 section 4.5.2).  All that is special begins at a CR, an LF or a
 * line's start; the runs between are found eight octets at a time and copied as they are, many lines at once.
 * smtp-handler.c decodes, the deliveries encode.
 */
#include "smtp/data.h"

/* d->match: how many octets of the name have been seen, or that this line is another field. */
#define RECEIVED      "received:"
#define RECEIVED_LEN  (sizeof RECEIVED - 1)
#define OTHER_FIELD   255U

#define EACH_OCTET(c) (UINT64_C(0x0101010101010101) * (c))
#define TOP_BITS      EACH_OCTET(0x80)

/* Octets before the first CR or LF of s.  *high gets a top bit where one of them is above 127. */
static size_t
run_length(struct slice s, uint64_t *high)
{
	uint64_t tops = 0, word;
	size_t i = 0;

	for (;;) {
		size_t end;

		for (; s.n - i >= sizeof word; i += sizeof word) {
			memcpy(&word, s.p + i, sizeof word);
			/* Is an octet below 14?  Then it may be CR or LF; a wrong yes costs only time. */
			if ((word - EACH_OCTET(14)) & ~word & TOP_BITS)
				break;
			tops |= word;
		}
		end = s.n - i < sizeof word ? s.n : i + sizeof word;
		for (; i < end; i++) {
			if (s.p[i] == '\r' || s.p[i] == '\n')
				goto out;
			tops |= (unsigned char)s.p[i];
		}
		if (i == s.n)
			break;
	}
out:
	*high = tops & TOP_BITS;
	return i;
}

void
smtp_data_init(struct smtp_data *d, enum smtp_newlines newlines)
{
	*d = (struct smtp_data){ .newlines = newlines, .line_start = true, .in_header = true };
}

/* Count Received fields (RFC 5321 section 6.3): text is more of the line whose first d->line octets are known. */
static void
match_received(struct smtp_data *d, struct slice text)
{
	for (size_t i = 0; i < text.n && d->match < RECEIVED_LEN; i++)
		d->match = ascii_lower(text.p[i]) == RECEIVED[d->match] ? d->match + 1 : OTHER_FIELD;
	if (d->match == RECEIVED_LEN) {
		d->received++;
		d->match = OTHER_FIELD;
	}
}

/* Content of a line, without its end. */
static void
note_text(struct smtp_data *d, struct slice text, uint64_t high)
{
	if (text.n == 0)
		return;
	d->line_start = false;
	d->line += text.n;
	if (d->line > d->longest_line)
		d->longest_line = d->line;
	if (high) {
		d->eight_bit = true;
		d->header_eight_bit = d->header_eight_bit || d->in_header;
	}
	if (d->in_header && d->match < RECEIVED_LEN)
		match_received(d, text);
}

static void
note_line_end(struct smtp_data *d)
{
	if (d->line == 0)
		d->in_header = false;
	d->line = 0;
	d->line_start = true;
	d->match = 0;
}

enum line_end {
	END_NONE,
	END_LINE,
	END_BARE,		/* spoils the message */
	END_TEXT,		/* a line end in the text only */
	END_DROP,		/* of CRs in a row only the last counts: text with CRCRLF keeps its lines */
	END_UNKNOWN,
};

static enum line_end
bare_newline(const struct smtp_data *d, struct slice s)
{
	if (d->newlines != SMTP_NORMALIZE)
		return END_BARE;
	return s.n > 1 && s.p[0] == '\r' && s.p[1] == '\r' ? END_DROP : END_TEXT;
}

/* What is at the start of s?  *ret_n gets its octets. */
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

/* Input that is to be copied as it is. */
struct copy {
	const char *from;
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

/* A dot at the start of a line: is it the end?  Returns the octets that are no content, 0 to wait for more. */
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
	d->dot_line = d->dot_line || s.p[1] == '.';
	return 1;
}

/* octets are what ends a line, or looks like it. */
static void
take_line_end(struct smtp_data *d, struct copy *c, struct slice octets, enum line_end end)
{
	if (end == END_BARE) {
		d->bare = true;
		note_text(d, octets, 0);
		return;
	}
	if (end == END_LINE && octets.n == 2) {
		note_line_end(d);
		return;
	}
	copy_until(c, octets.p);
	c->from += octets.n;
	if (end == END_DROP)
		return;
	note_line_end(d);
	memcpy(c->out + c->n, "\r\n", 2);
	c->n += 2;
	if (end == END_TEXT) {		/* a dot here is no end, and was not doubled */
		d->line_start = false;
		d->text_start = true;
	}
}

size_t
smtp_data_decode(struct smtp_data *d, struct slice in, char *out, size_t *ret_consumed)
{
	struct copy copy = { .from = in.p, .out = out };
	struct slice rest = in;
	uint64_t high;

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
		d->dot_line = d->dot_line || (d->text_start && rest.p[0] == '.');
		d->text_start = false;
		n = run_length(rest, &high);
		note_text(d, slice_of(rest.p, n), high);
		rest = slice_skip(rest, n);
		end = line_end(d, rest, &n);
		if (end == END_UNKNOWN)
			break;
		take_line_end(d, &copy, slice_of(rest.p, n), end);
		rest = slice_skip(rest, n);
	}
	if (in.n)
		copy_until(&copy, rest.p);
	d->octets += copy.n;
	*ret_consumed = in.n - rest.n;
	return copy.n;
}

/* A CR or LF that is no line end, of content that may hold such. */
static void
note_bare(struct smtp_data *d)
{
	d->bare = d->binary = true;
	note_text(d, SL("?"), 0);
}

void
smtp_data_note(struct smtp_data *d, struct slice in, bool last)
{
	struct slice rest = in;
	uint64_t high;

	d->octets += in.n;
	d->binary = d->binary || (in.n && memchr(in.p, '\0', in.n));
	while (rest.n) {
		size_t n;

		if (d->cr) {
			d->cr = false;
			if (rest.p[0] == '\n') {
				note_line_end(d);
				rest = slice_skip(rest, 1);
				continue;
			}
			note_bare(d);
		}
		d->dot_line = d->dot_line || (d->line_start && rest.p[0] == '.');
		n = run_length(rest, &high);
		note_text(d, slice_of(rest.p, n), high);
		rest = slice_skip(rest, n);
		if (rest.n == 0)
			break;
		d->cr = rest.p[0] == '\r';
		if (!d->cr)
			note_bare(d);
		rest = slice_skip(rest, 1);
	}
	if (last && d->cr)
		note_bare(d);
}

enum encode_state { AT_LINE_START, IN_LINE, AFTER_CR };

size_t
smtp_data_encode(unsigned *state, struct slice in, bool last, char *out)
{
	struct copy copy = { .from = in.p, .out = out };
	struct slice rest = in;
	uint64_t high;

	while (rest.n) {
		size_t n;

		if (*state == AFTER_CR && rest.p[0] == '\n') {	/* its CRLF is out already */
			*state = AT_LINE_START;
			rest = slice_skip(rest, 1);
			copy.from = rest.p;
			continue;
		}
		if (*state != IN_LINE && rest.p[0] == '.') {
			copy_until(&copy, rest.p);
			copy.out[copy.n++] = '.';
		}
		n = run_length(rest, &high);
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
