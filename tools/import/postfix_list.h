// SPDX-License-Identifier: ISC
/*
 * Lists of domains and tables of addresses of Postfix.
 */
#ifndef TOOLS_IMPORT_POSTFIX_LIST_H
#define TOOLS_IMPORT_POSTFIX_LIST_H

#include "tools/import/maincf.h"

/* The domains of a parameter, also those of its tables and files.  For a word that cannot be read
 * the operator has to decide. */
struct postfix_list {
	const struct maincf *m;
	struct slice rest;
	struct plan_at at;		/* of the parameter */
	bool inside;			/* a table or a file */
	bool keys;			/* it is a table */
	bool implied;			/* the list is that of a table of addresses */
	const char *advice;
	struct maincf_table table;
	struct slice words;		/* of a line of a file */
	struct plan_at line;
};

struct postfix_list postfix_list(const struct maincf *m, const char *name);

/* The next domain and its place.  False at the end. */
bool postfix_list_next(struct postfix_list *l, struct slice *ret, struct plan_at *ret_at);

/* Is the domain in one of the parameters?  NULL ends their names. */
bool postfix_list_has(const struct maincf *m, const char *const *names, struct slice domain);

/* Is a table with the classes of this parameter for one of them?  Without classes it is for all. */
bool postfix_list_has_class(const struct maincf *m, const char *classes, const char *class);

/* Do the domains of relay_domains stand for those below them, too?  They do by default. */
bool postfix_list_has_parents(const struct maincf *m);

/* The rows of all tables of a parameter, in memory of malloc(3). */
struct postfix_rows {
	struct maincf_line *list;
	size_t n, size;
	const char *lacking;	/* a parameter with a table that cannot be read; or NULL */
	bool all;		/* a table has each key */
};

/* Add the rows of a parameter. */
void postfix_rows_read(const struct maincf *m, const char *name, struct postfix_rows *rows);
void postfix_rows_done(struct postfix_rows *rows);

/* The first row of a key, or NULL. */
const struct maincf_line *postfix_rows_find(const struct postfix_rows *rows, struct slice key);

#endif
