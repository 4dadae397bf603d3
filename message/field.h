// SPDX-License-Identifier: ISC
/*
 * The fields of a header section (RFC 5322 section 2.2), in one slice or in octets that stream by.
 * Pure; the cost is linear in the octets, whatever they are.
 *
 * A field begins with its name, which is printable ASCII, and a colon; blanks may stand between
 * them (section 4.5).  The lines that follow and begin with a blank are a part of it (section
 * 2.2.3). Lines end in LF, with or without a CR.
 */
#ifndef MESSAGE_FIELD_H
#define MESSAGE_FIELD_H

#include "base/slice.h"

/*
 * The end of a header section.  It is always a line that begins with CR or LF.  A header section is
 * broken if it holds a line that is no field: without a colon, with the "From " of a mailbox file,
 * or with a blank although no field is in front of it.
 */
enum field_rule {
	/* A broken line is passed over.  To count or to remove fields one must look as far as the
	 * most tolerant reader does. */
	FIELD_TO_EMPTY_LINE,
	/* A broken line is the first of the body.  To change fields one must be sure of them. */
	FIELD_TO_BROKEN_LINE,
};

struct field {
	struct slice octets;	/* all of it, with its line ends */
	struct slice name;	/* empty: a broken line */
	struct slice body;	/* the octets behind the colon, with the line ends */
};

/* Takes the first field from *rest.  False at the end of the section, where *rest stays. */
bool field_next(struct slice *rest, enum field_rule rule, struct field *ret);

/* The names are compared without regard to case. */
bool field_is(const struct field *f, struct slice name);

/* The body without the blanks and line ends around it. */
struct slice field_value(const struct field *f);

/*
 * The header section at the start of `octets`, to the empty line.  complete: no more octets follow.
 * If they do and the end is not found, *ret_whole is false and the section ends with the last whole
 * line.
 */
struct slice field_section(struct slice octets, bool complete, bool *ret_whole);

/* The kinds of octets in a stream. */
enum field_part {
	FIELD_NAME,		/* the first octets of a line, up to the colon */
	FIELD_BODY,		/* what is behind the colon */
	FIELD_BROKEN,		/* a broken line; its first octets may have been taken for a name */
	FIELD_OVER,		/* all that follows the section, the empty line too */
};

struct field_walk {
	enum field_rule rule;
	struct slice wanted;
	enum field_part part;	/* of the next octet */
	bool line_start;	/* the next octet begins a line */
	bool first;		/* the piece taken last begins a field or a broken line */
	bool blanks;		/* the name is over, its colon is to come */
	bool same;		/* the name is that of `wanted` so far */
	size_t name;		/* octets of it */
};

/* wanted: the name that field_may_be() and field_found() compare with; borrowed. */
void field_begin(struct field_walk *w, enum field_rule rule, struct slice wanted);

/* Takes the next piece from *in, which holds an octet at least: octets of one kind from one line.
 * A piece of FIELD_OVER holds all octets.  By FIELD_TO_BROKEN_LINE it may follow one of FIELD_NAME:
 * the broken line began with that. */
enum field_part field_take(struct field_walk *w, struct slice *in, struct slice *ret_piece);

/* The field has the wanted name, and its colon has been taken. */
static inline bool
field_found(const struct field_walk *w)
{
	return w->part == FIELD_BODY && w->same && w->name == w->wanted.n;
}

/* The field has the wanted name, or may have it: more octets of the name are to come. */
static inline bool
field_may_be(const struct field_walk *w)
{
	return w->part == FIELD_NAME ? w->same : field_found(w);
}

#endif
