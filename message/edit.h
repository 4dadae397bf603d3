// SPDX-License-Identifier: ISC
/*
 * A header section that is being edited, as filters count its fields.  Our Received field is in it:
 * no filter sees it, insertions count it, and changes do not.  Pure.
 */
#ifndef MESSAGE_EDIT_H
#define MESSAGE_EDIT_H

#include "base/buf.h"
#include "message/field.h"

#define EDIT_MAX 2097152	/* octets of an edited header section */

struct edit {
	struct buf text;
	size_t own;		/* the number of fields above our Received field */
	bool changed;
	char space[EDIT_MAX];
};

/* Begin with our Received field and the fields behind it, up to the end of the section. */
void edit_begin(struct edit *e);
void edit_octets(struct edit *e, struct slice octets);

/* Each field that a filter sees: *rest is edit_fields() at first, *ret_n counts from 0.  False at
 * the end. */
struct slice edit_fields(const struct edit *e);
bool edit_next(const struct edit *e, struct slice *rest, size_t *n, struct field *ret);

/* The value of a field for a filter: lines end in LF, the last one has no end. */
void edit_value(struct buf *b, const struct field *f, bool keep_blank);

/*
 * The edits.  The value may have lines that end in LF; blank: put a blank behind the colon.  False
 * if the name is not one of a field, or without room.  A field below the last one is added at the
 * end of the section.
 */
bool edit_add(struct edit *e, struct slice name, struct slice value, bool blank);
/* index 0: above our Received field, 1: below it. */
bool edit_insert(struct edit *e, size_t index, struct slice name, struct slice value, bool blank);
/* index: the number among the fields of that name, from 1; 0 means 1.  An empty value removes the
 * field. */
bool edit_change(struct edit *e, size_t index, struct slice name, struct slice value, bool blank);

#endif
