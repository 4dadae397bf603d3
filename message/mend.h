// SPDX-License-Identifier: ISC
/*
 * The end of a header section that is broken.  The first line that is not a field gets the empty
 * line in front of it that it lacks: it is text, and so is everything behind it.  After this filter
 * all readers agree on where the header section ends.  Pure; holds one name of a field at most.
 *
 * A bare CR or LF among the fields becomes CRLF: some readers end a line there.  A NUL becomes a
 * blank.  So each server can be given the header section.
 *
 * The lines "From ..." of a mailbox file, on top of the content, become fields X-Mailbox-Line: the
 * fields behind them are meant.
 *
 * A header section also ends if it gets too long: short fields cost more time than text does.
 */
#ifndef MESSAGE_MEND_H
#define MESSAGE_MEND_H

#include "base/buf.h"
#include "message/field.h"
#include "message/joined.h"

#define MEND_NAME_MAX 998	/* a longer name is text: lines are shorter (RFC 5322 2.1.1) */

/* Octets of a header section; the text begins with the next line.  A line counts more than its
 * octets, because short lines cost more: some 9,000 of the shortest fields are left. */
#define MEND_HEADER_MAX (1 << 20)
#define MEND_STEP	56	/* octets for each line, and for each name of a field */
#define MEND_PIECES_STEP 200	/* for each line that goes on in pieces */

enum mend_state {
	MEND_HEADER,
	MEND_MAILBOX,		/* within a line "From ..." */
	MEND_CR,		/* behind a CR that begins a line; it is not put yet */
	MEND_TEXT,		/* the header section is over */
};

struct mend {
	struct joined out;
	enum mend_state state;
	bool top;		/* no field has come yet */
	bool cr;		/* a CR of a line is not put yet: it is bare if no LF follows */
	bool bare;		/* a bare CR or LF has become CRLF */
	size_t octets;		/* of the header section */
	struct field_walk fields;
	struct buf name;	/* a field's name, until the colon comes */
	char space[MEND_NAME_MAX];
};

void mend_begin(struct mend *m, qualify_put *put, void *ctx);
void mend_content(struct mend *m, struct slice octets);
void mend_end(struct mend *m);

#endif
