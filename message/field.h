// SPDX-License-Identifier: ISC
/*
 * The fields of a header section (RFC 5322 section 2.2), in one slice or in octets that stream by.
 * Pure; the cost is linear in the octets, whatever they are.
 *
 * A field begins with its name, which is printable ASCII, and a colon; blanks may stand between
 * them (section 4.5).  The lines that follow and begin with a blank are a part of it (section
 * 2.2.3).  Lines end in LF, with or without a CR.
 */
#ifndef MESSAGE_FIELD_H
#define MESSAGE_FIELD_H

#include "base/slice.h"

/*
 * The end of a header section.  It is always a line that begins with CR or LF.  A header section is
 * broken if it holds a line that is not a field: without a colon, with the "From " of a mailbox
 * file, or with a blank although no field is in front of it.
 */
enum field_rule {
	/* A broken line is skipped.  Fields have to be counted or removed as far as the most
	 * tolerant reader looks. */
	FIELD_TO_EMPTY_LINE,
	/* A broken line is the first of the body.  A field can be changed only if it is certain. */
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
 * The header section at the start of `octets`, by FIELD_TO_EMPTY_LINE.  complete: no octets
 * follow.  If they do and the section does not end, *ret_whole is false and only whole lines are
 * returned.
 */
struct slice field_section(struct slice octets, bool complete, bool *ret_whole);

/* The kinds of octets in a stream. */
enum field_part {
	FIELD_NAME,		/* the first octets of a line, up to the colon */
	FIELD_BODY,		/* the octets behind the colon */
	FIELD_BROKEN,		/* a broken line; its first octets may have come as FIELD_NAME */
	FIELD_OVER,		/* the empty line and everything after it */
};

struct field_walk {
	enum field_rule rule;
	struct slice wanted;
	enum field_part part;	/* the part that the next octet is in */
	bool line_start;	/* the next octet begins a line */
	bool first;		/* the last piece began a field or a broken line */
	bool blanks;		/* the name is complete, its colon has to come */
	bool same;		/* the octets of the name are those of `wanted` */
	size_t name;		/* octets of the name */
};

/* wanted: the name for field_may_be() and field_found(); borrowed. */
void field_begin(struct field_walk *w, enum field_rule rule, struct slice wanted);

/*
 * Takes the next piece from *in, which has at least one octet: octets of one kind, from one line.
 * A piece of FIELD_OVER has all octets of *in.  With FIELD_TO_BROKEN_LINE it may follow a
 * FIELD_NAME, which is then the start of the broken line.
 */
enum field_part field_take(struct field_walk *w, struct slice *in, struct slice *ret_piece);

/* The field has the wanted name, and its colon has been taken. */
static inline bool
field_found(const struct field_walk *w)
{
	return w->part == FIELD_BODY && w->same && w->name == w->wanted.n;
}

/* The field has the wanted name, or may still get it. */
static inline bool
field_may_be(const struct field_walk *w)
{
	return w->part == FIELD_NAME ? w->same : field_found(w);
}

#endif
