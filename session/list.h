// SPDX-License-Identifier: ISC
/*
 * Files that list addresses, one a line: [server] senders and the recipients of a route.  A file is
 * read afresh for each question, so a change takes effect at once, and a long file costs no memory.
 */
#ifndef SESSION_LIST_H
#define SESSION_LIST_H

#include <stdbool.h>

#include "base/slice.h"

#define LIST_LINE_MAX 1024	/* a longer line is no address, and is passed over */

/* Is this the line?  It has no blanks at its ends, no comment (# to its end), and one octet at
 * least. */
typedef bool list_match(const void *ctx, struct slice line);

/* Does a line match?  1, 0, or -errno if the file cannot be read to its end. */
int list_find(const char *file, list_match *match, const void *ctx);

/* Does a name match?  An aliases file has it in front of the colon, in lines that begin with no
 * blank (smtp-handler-aliases(5)). */
int list_find_name(const char *file, list_match *match, const void *ctx);

/* The same from a descriptor, read at most step octets at a time. */
enum list_kind { LIST_LINES, LIST_NAMES };
int list_find_fd(int fd, enum list_kind kind, size_t step, list_match *match, const void *ctx);

#endif
