// SPDX-License-Identifier: ISC
/*
 * Files that list addresses, one a line: [server] senders and the recipients of a route.  The first
 * question about a file reads it and makes an index, so a long file costs the others next to
 * nothing.  A file that has changed is read again.
 */
#ifndef SESSION_LIST_H
#define SESSION_LIST_H

#include <stdbool.h>

#include "base/slice.h"

#define LIST_LINE_MAX 4096	/* a longer line is not an address, and is passed over */

enum list_kind {
	/* A line is an address or a domain.  It is found by itself, without the '@' in front of a
	 * domain; by its canonical form if it is quoted. */
	LIST_LINES,
	/* An aliases file has names in front of colons, in lines that begin with no blank
	 * (smtp-handler-aliases(5)).  Only the name is a line here. */
	LIST_NAMES,
	/* A line is "user: words".  It is found by the user. */
	LIST_USERS,
	/* A line is "NAME: words".  It is found by the name as with LIST_LINES. */
	LIST_SENDERS,
};

/* Is this the line?  It has no blanks at its ends, no comment (# to its end), and one octet at
 * least. */
typedef bool list_match(const void *ctx, struct slice line);

struct list_question {
	enum list_kind kind;
	/* By these the lines are found that match() sees, in any case of ASCII letters. */
	const struct slice *keys;
	size_t n;
	list_match *match;
	const void *ctx;
};

#define LIST_HELD_MAX 32		/* lists that a session holds open */

/* Open the file, for all later searches of this process: a sandbox closes its path.  A file that is
 * replaced later is not seen; one that vanishes is.  True if the file needs no other access: it is
 * open, or cannot be opened at all.  False if there is no room for it. */
bool list_hold(const char *file);

/* Does a line match?  Lines of one key are asked from the first to the last.  1, 0, or -errno if
 * the file cannot be read to its end. */
int list_find(const char *file, const struct list_question *q);

/* Search the lines of a descriptor without an index; read at most step octets at a time. */
int list_find_fd(int fd, enum list_kind kind, size_t step, list_match *match, const void *ctx);

#endif
