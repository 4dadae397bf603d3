// SPDX-License-Identifier: ISC
/*
 * Files that list addresses, one a line: [server] senders and a route's recipients.  Read
 * afresh for each question, so a changed file counts at once and a long one costs no memory.
 */
#ifndef SESSION_LIST_H
#define SESSION_LIST_H

#include <stdbool.h>

#include "base/slice.h"

#define LIST_LINE_MAX 1024	/* longer lines cannot be an address and are passed over */

/*
 * Is there a line for which match() says yes?  Lines come without blanks at their ends and
 * without comments (# to the end of the line); empty ones do not come.  1, 0, or -errno when the
 * file cannot be read to its end.
 */
int list_find(const char *file, bool (*match)(const void *ctx, struct slice line), const void *ctx);

/* The same for the names of an aliases file (smtp-handler-aliases(5)): what is in front of the colon of lines that do not begin with a
 * blank. */
int list_find_name(const char *file, bool (*match)(const void *ctx, struct slice name), const void *ctx);

/* The same from a descriptor, read at most step octets at a time. */
enum list_kind { LIST_LINES, LIST_NAMES };
int list_find_fd(int fd, enum list_kind kind, size_t step, bool (*match)(const void *ctx, struct slice line), const void *ctx);

#endif
