// SPDX-License-Identifier: ISC
/*
 * An aliases file in memory, with an index of its names.  It is read again after a change.
 */
#ifndef ALIASES_TABLE_H
#define ALIASES_TABLE_H

#include <sys/stat.h>

#include "aliases/text.h"

struct alias {
	struct slice name;		/* canonical, lower case */
	struct alias_text targets;
	unsigned line;
	unsigned seen;			/* the number of the last expansion that visited it */
	bool open;			/* an expansion walks through its targets now */
};

struct alias_table {
	const char *file;		/* borrowed */
	struct stat as_of;		/* the file as it was read; all zero before that */
	char why[400];			/* "FILE:LINE: cause" if it cannot be used; else "" */
	char *text;
	struct alias *list;
	size_t n, room;
	uint32_t *buckets;		/* 1 + index into list; 0: free */
	size_t nbuckets;		/* a power of two */
};

/* Takes each mistake of a file; line 0: a mistake of the file as a whole. */
typedef void alias_report(void *ctx, const char *file, unsigned line, const char *text);

/*
 * Read the file if it has changed.  0, or -errno if it cannot be used: -EINVAL for a mistake in it;
 * t->why has the cause.  A report, which may be NULL, gets the mistakes if the file is read.
 */
int alias_table_refresh(struct alias_table *t, alias_report *report, void *ctx);
void alias_table_done(struct alias_table *t);

/* Find a name, in any case.  NULL if it is not there. */
struct alias *alias_table_find(const struct alias_table *t, struct slice name);

/* Read an included list: malloc'ed, with a NUL behind it.  0 or -errno.  `file` gets its name in
 * any case, cut if it is too long (-ENAMETOOLONG). */
#define ALIAS_FILE_MAX 4096
int alias_read_list(struct slice name, char file[ALIAS_FILE_MAX], char **ret, size_t *ret_n);

/* Add the mistake to b, for people: "\"WORDS\": cause". */
void alias_mistake_text(const struct alias_mistake *m, struct buf *b);

#endif
