// SPDX-License-Identifier: ISC
/*
 * Lines and words of the files of the other programs.
 */
#ifndef TOOLS_IMPORT_TEXT_H
#define TOOLS_IMPORT_TEXT_H

#include "tools/import/import.h"

struct text_lines {
	struct slice rest;
	unsigned line;		/* of the last result, from 1 */
};

static inline struct text_lines
text_lines(struct slice text)
{
	return (struct text_lines){ .rest = text };
}

/* The next line that is neither empty nor a comment, without blanks around it. */
bool text_next(struct text_lines *l, struct slice *ret);

/* Cut the first word off.  *ret_rest is trimmed. */
struct slice text_word(struct slice line, struct slice *ret_rest);

/* A setting that is not translated, and why.  Without advice it has no meaning here. */
struct text_advice {
	const char *name, *advice;
};

/* Note a setting of the table, which ends at a row without a name.  False: it is not there. */
bool text_advise(struct plan *p, struct plan_at at, const struct text_advice *table,
    struct slice name);

/* The first line of a file, or NULL. */
const char *text_first_line(struct import *im, const char *path);

/* The file beside another one; "", which cannot be read, beside standard input. */
const char *text_beside(struct import *im, const char *file, const char *name);

/* The path with ~/ expanded. */
const char *text_path(struct import *im, struct slice path);

#endif
