// SPDX-License-Identifier: ISC
/*
 * The text of a message, read to its end before the server is asked: whoever writes it may take
 * longer than the server waits.
 */
#ifndef TOOLS_SENDMAIL_LETTER_H
#define TOOLS_SENDMAIL_LETTER_H

#include <stdbool.h>

#include "base/slice.h"
#include "message/field.h"

struct letter {
	struct slice text;	/* mapped; its lines end in LF, with or without a CR */
	struct slice header;	/* the fields at its start */
	struct slice body;	/* the rest: an empty line first, if there is one */
	bool eight_bit;		/* an octet above 127 */
};

/* Read fd to its end; to_dot: or to a line that is a dot alone.  0 or -errno. */
int letter_read(struct letter *l, int fd, bool to_dot);
/* A letter of text that the caller keeps. */
void letter_of(struct letter *l, struct slice text);
void letter_done(struct letter *l);

/* Does the header have the field? */
bool letter_has(const struct letter *l, struct slice name);

/* Must the field stay here?  Others would learn of recipients from it. */
bool letter_hides(const struct field *f);

#endif
