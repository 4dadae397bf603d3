// SPDX-License-Identifier: ISC
/*
 * An aliases file in memory, its names to be found, read again when it has changed.
 */
#ifndef ALIASES_TABLE_H
#define ALIASES_TABLE_H

#include <sys/stat.h>

#include "aliases/text.h"

struct alias {
	struct slice name;		/* canonical, lower case */
	struct alias_text targets;
	unsigned line;
	unsigned seen;			/* expand.c's: the expansion that was here last */
	bool open;			/* and whether it still is */
};

struct alias_table {
	const char *file;		/* borrowed */
	struct stat as_of;		/* the file that was read; all zero: none */
	char why[400];			/* it cannot be used: "FILE:LINE: what"; else "" */
	char *text;
	struct alias *list;
	size_t n, room;
	uint32_t *buckets;		/* 1 + index into list, 0: free */
	size_t nbuckets;		/* a power of two */
};

/* Told of each mistake; line 0: of the file as a whole. */
typedef void alias_report(void *ctx, const char *file, unsigned line, const char *text);

/* See that it is as the file is now.  0, or -errno where that cannot be used: -EINVAL for a mistake in it; t->why says what.
 * report may be NULL; it hears of what is found when the file is read. */
int alias_table_refresh(struct alias_table *t, alias_report *report, void *ctx);
void alias_table_done(struct alias_table *t);

/* By a name in any case.  NULL: there is none. */
struct alias *alias_table_find(const struct alias_table *t, struct slice name);

/* All of a regular file, malloc'ed, NUL behind it; st as it was when opened.  0 or -errno. */
int alias_read_file(const char *file, struct stat *st, char **ret, size_t *ret_n);

/* The same of an included list.  Its name is put into file whatever happens, cut if it is too long (-ENAMETOOLONG). */
#define ALIAS_FILE_MAX 4096
int alias_read_list(struct slice name, char file[ALIAS_FILE_MAX], char **ret, size_t *ret_n);

/* "\"WORDS\": why", for people. */
void alias_mistake_text(const struct alias_mistake *m, struct buf *b);

#endif
