// SPDX-License-Identifier: ISC
/*
 * The syntax of Postfix: parameters of main.cf with their expansion, and tables of text.
 */
#ifndef TOOLS_IMPORT_MAINCF_H
#define TOOLS_IMPORT_MAINCF_H

#include "tools/import/import.h"

#define MAINCF_VALUE_MAX 16384	/* octets of an expanded value */

struct maincf_line {
	struct slice name, value;	/* the value with its continuation lines joined */
	const char *file;
	unsigned line;
};

struct maincf {
	struct import *im;
	const char *file;
	struct maincf_line *lines;	/* memory of malloc(3) */
	size_t n;
};

/* Read all parameters: the text of main.cf, or the output of postconf -n.  False without memory,
 * or if there are more than PLAN_MAX. */
bool maincf_read(struct maincf *m, struct import *im, const char *file, struct slice text);
void maincf_done(struct maincf *m);

/* Add a parameter that counts more than those before it.  False if there are PLAN_MAX. */
bool maincf_add(struct maincf *m, const struct maincf_line *l);

/* Is the parameter set? */
bool maincf_has(const struct maincf *m, const char *name);

/* The place of a parameter; line 0 if it is not set. */
struct plan_at maincf_at(const struct maincf *m, const char *name);

/* The value with each $name expanded; a default for those that others are made of; or "". */
const char *maincf_get(const struct maincf *m, const char *name);

bool maincf_is_yes(const struct maincf *m, const char *name);

/* Is there a value that cannot be expanded?  maincf_get() gives "" for it, after a note. */
bool maincf_is_unknown(const struct maincf *m, const char *name);

/* Take the next word off a list with blanks or commas between.  Empty at the end. */
struct slice maincf_word(struct slice *list);

/* The same for a list of tables: those in braces, such as inline:{a=b, c=d}, are one word. */
struct slice maincf_map(struct slice *list);

/*
 * The next line of a table: key and value.  Tables of a database are read from their source.
 * maincf_table_open() gives false after a note if the source is not there or the type has none.
 */
struct maincf_table {
	const char *file;
	struct slice rest;
	unsigned line;
	struct slice pairs;		/* of a table that stands in main.cf: rest is empty then */
};

bool maincf_table_open(const struct maincf *m, struct slice table, struct plan_at at,
    struct maincf_table *ret);
/* The lines of a text as a table has them. */
struct maincf_table maincf_table_of(const char *file, struct slice text);
bool maincf_table_next(const struct maincf *m, struct maincf_table *t, struct maincf_line *ret);

#endif
