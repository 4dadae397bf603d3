// SPDX-License-Identifier: ISC
/*
 * The syntax of smtpd.conf(5) of OpenSMTPD 6.4 and later: words, macros, included files and tables.
 */
#ifndef TOOLS_IMPORT_OPENSMTPD_FILE_H
#define TOOLS_IMPORT_OPENSMTPD_FILE_H

#include "tools/import/import.h"

#define OPENSMTPD_WORDS_MAX  (16 * PLAN_MAX)
#define OPENSMTPD_TABLES_MAX 500

enum opensmtpd_kind {
	OPENSMTPD_END,		/* of a statement */
	OPENSMTPD_WORD,
	OPENSMTPD_QUOTED,	/* never a keyword */
	OPENSMTPD_SIGN,		/* one of the characters { } < > ! = , ( ) */
};

struct opensmtpd_word {
	enum opensmtpd_kind kind;
	struct slice text;
	struct plan_at at;
};

struct opensmtpd_row {
	struct slice key, value;
	struct slice whole;	/* the first word with its colons, for networks */
	bool replaced;		/* a later row has the same key, and counts */
	struct plan_at at;
};

struct opensmtpd_table {
	struct slice name;	/* empty: the table stands in another statement */
	struct plan_at at;
	const char *path;	/* of the text, or NULL */
	bool database;		/* the text is the source of a database */
	bool lacking;		/* the rows cannot be read */
	bool repeats;		/* some rows are replaced */
	struct opensmtpd_row *rows;
	size_t n;
	struct opensmtpd_row **sorted;	/* those that count, by their keys; NULL: all, unsorted */
	size_t nsorted;
};

struct opensmtpd_file {
	struct import *im;
	const char *path;
	struct opensmtpd_word *words;
	size_t nwords;
	struct opensmtpd_table *tables;
	size_t ntables;
};

/* The words of a statement that are left. */
struct opensmtpd_line {
	const struct opensmtpd_word *word;	/* ends with one of OPENSMTPD_END */
};

/* Read the words of the text and of the files that it includes.  False without memory, or if there
 * are too many. */
bool opensmtpd_file_read(struct opensmtpd_file *f, struct import *im, const char *path,
    struct slice text);
void opensmtpd_file_done(struct opensmtpd_file *f);

/* The statement at the word *i, which moves behind it.  False at the end. */
bool opensmtpd_statement(const struct opensmtpd_file *f, size_t *i, struct opensmtpd_line *ret);

/* Take the next word if it is this keyword, or this sign. */
bool opensmtpd_take(struct opensmtpd_line *l, const char *keyword);
bool opensmtpd_take_sign(struct opensmtpd_line *l, char sign);

/* Take any word.  False if there is none. */
bool opensmtpd_take_word(struct opensmtpd_line *l, struct slice *ret);

static inline bool
opensmtpd_at_end(const struct opensmtpd_line *l)
{
	return l->word->kind == OPENSMTPD_END;
}

/* Add the table of a statement behind its keyword.  False: it cannot be read. */
bool opensmtpd_table_add(struct opensmtpd_file *f, struct opensmtpd_line *l);

/* Take a table: <name>, one word, or { ... }.  NULL: there is none, or none of this name. */
const struct opensmtpd_table *opensmtpd_take_table(struct opensmtpd_file *f,
    struct opensmtpd_line *l);

/* Is a table next? */
bool opensmtpd_has_table(const struct opensmtpd_line *l);

/* The row of a key, or NULL. */
const struct opensmtpd_row *opensmtpd_find(const struct opensmtpd_table *t, struct slice key);

#endif
