// SPDX-License-Identifier: ISC
/*
 * One state machine for both forms.  field_next() runs it over one field; begin_line() and
 * break_line() alone decide where a section ends.
 */
#include "message/field.h"

#include "base/run.h"

static bool
name_octet(char c)
{
	return c > ' ' && c <= '~' && c != ':';
}

void
field_begin(struct field_walk *w, enum field_rule rule, struct slice wanted)
{
	*w = (struct field_walk){
		.rule = rule, .wanted = wanted, .part = FIELD_OVER, .line_start = true,
	};
}

/* The current line is not a field. */
static void
break_line(struct field_walk *w)
{
	w->part = w->rule == FIELD_TO_EMPTY_LINE ? FIELD_BROKEN : FIELD_OVER;
}

static void
begin_line(struct field_walk *w, char c)
{
	w->line_start = false;
	if (ascii_blank(c) && w->part != FIELD_OVER)	/* FIELD_OVER: no line is in front */
		return;
	w->first = true;
	if (c == '\r' || c == '\n') {
		w->part = FIELD_OVER;
	} else if (name_octet(c)) {
		w->part = FIELD_NAME;
		w->name = 0;
		w->same = true;
		w->blanks = false;
	} else {
		break_line(w);
	}
}

/* Octets at the start of s that may be in a name, in whole words. */
static size_t
name_words(struct slice s)
{
	size_t n = 0;

	for (uint64_t word; s.n - n >= sizeof word; n += sizeof word) {
		memcpy(&word, s.p + n, sizeof word);
		/* The top bits of octets up to 127 that are above ' ', up to '~', and no ':'. */
		if ((~word & ((word | RUN_TOPS) - RUN_EACH(' ' + 1)) & ~(word + RUN_EACH(1)) &
		    ((word ^ RUN_EACH(':')) + RUN_EACH(0x7f)) & RUN_TOPS) != RUN_TOPS)
			break;
	}
	return n;
}

/* Blanks at the start of s, in whole words. */
static size_t
blank_words(struct slice s)
{
	const uint64_t low = RUN_EACH(0x7f);
	size_t n = 0;

	for (uint64_t word; s.n - n >= sizeof word; n += sizeof word) {
		uint64_t spaces, tabs;

		memcpy(&word, s.p + n, sizeof word);
		spaces = word ^ RUN_EACH(' ');
		tabs = word ^ RUN_EACH('\t');
		/* The top bits of octets that are neither. */
		if ((((spaces & low) + low) | spaces) & (((tabs & low) + low) | tabs) & RUN_TOPS)
			break;
	}
	return n;
}

/* Octets of the name itself at the start of s: those that are the same as the wanted ones, then
 * others. */
static size_t
take_name_octets(struct field_walk *w, struct slice s)
{
	const struct slice wanted = slice_skip(w->wanted, w->name);
	size_t n = 0, same;

	while (w->same && n < s.n && n < wanted.n &&
	    ascii_lower(s.p[n]) == ascii_lower(wanted.p[n]))
		n++;
	same = n;
	n += name_words(slice_skip(s, n));
	while (n < s.n && name_octet(s.p[n]))
		n++;
	w->same = w->same && n == same;
	w->name += n;
	return n;
}

/* Octets of the name at the start of s, up to the colon. */
static size_t
take_name(struct field_walk *w, struct slice s)
{
	for (size_t n = w->blanks ? 0 : take_name_octets(w, s); n < s.n; n++) {
		const char c = s.p[n];

		if (c == ':') {
			w->part = FIELD_BODY;
			return n + 1;
		}
		if (!ascii_blank(c)) {
			break_line(w);
			return n;
		}
		w->blanks = true;
		w->same = w->same && w->name == w->wanted.n;
		n += blank_words(slice_skip(s, n + 1));
	}
	return s.n;
}

/* Octets up to the end of the line. */
static size_t
take_line(struct field_walk *w, struct slice s)
{
	const char *lf = memchr(s.p, '\n', s.n);

	w->line_start = lf != NULL;
	return lf ? (size_t)(lf - s.p) + 1 : s.n;
}

enum field_part
field_take(struct field_walk *w, struct slice *in, struct slice *ret_piece)
{
	enum field_part part;
	size_t n = 0;

	w->first = false;
	if (w->line_start)
		begin_line(w, in->p[0]);
	part = w->part;
	if (part == FIELD_NAME)
		n = take_name(w, *in);
	if (n == 0) {			/* no name, or a broken line since its last octet */
		part = w->part;
		n = part == FIELD_OVER ? in->n : take_line(w, *in);
	}
	*ret_piece = slice_of(in->p, n);
	*in = slice_skip(*in, n);
	return part;
}

/* rest begins with more octets of the same field. */
static bool
field_goes_on(const struct field_walk *w, struct slice rest)
{
	return rest.n && (!w->line_start || ascii_blank(rest.p[0]));
}

bool
field_next(struct slice *rest, enum field_rule rule, struct field *ret)
{
	struct slice after = *rest, piece, body = { 0 };
	enum field_part part = FIELD_OVER;
	struct field_walk w;

	if (rest->n == 0)
		return false;
	field_begin(&w, rule, SL(""));
	do {
		part = field_take(&w, &after, &piece);
		if (part == FIELD_OVER)
			return false;
		if (part == FIELD_NAME && w.part == FIELD_BODY)
			body = slice_of(after.p, 0);
	} while (field_goes_on(&w, after));
	if (!body.p && rule == FIELD_TO_BROKEN_LINE)	/* the octets end within the name */
		return false;
	ret->octets = slice_of(rest->p, rest->n - after.n);
	ret->name = slice_of(rest->p, body.p ? w.name : 0);
	ret->body = body.p ? slice_of(body.p, (size_t)(after.p - body.p)) : body;
	*rest = after;
	return true;
}

bool
field_is(const struct field *f, struct slice name)
{
	return slice_ieq(f->name, name);
}

static bool
is_space(char c)
{
	return ascii_blank(c) || c == '\r' || c == '\n';
}

struct slice
field_value(const struct field *f)
{
	struct slice value = f->body;

	while (value.n && is_space(value.p[0]))
		value = slice_skip(value, 1);
	while (value.n && is_space(value.p[value.n - 1]))
		value.n--;
	return value;
}

struct slice
field_section(struct slice octets, bool complete, bool *ret_whole)
{
	struct slice rest = octets, section;
	struct field f;

	while (field_next(&rest, FIELD_TO_EMPTY_LINE, &f))
		;
	section = slice_of(octets.p, octets.n - rest.n);
	*ret_whole = complete || rest.n;
	if (!*ret_whole)
		while (section.n && section.p[section.n - 1] != '\n')
			section.n--;
	return section;
}
