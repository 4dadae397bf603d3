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
	char *quoted;			/* the name if the text has no room for it; malloc'ed */
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
	size_t includes;		/* targets that include a list */
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

#define ALIAS_FILE_MAX 4096

/* An included list.  Others than the operator may keep it. */
struct alias_list {
	char file[ALIAS_FILE_MAX];	/* the file's name, cut if it is too long */
	char why[400];			/* the cause if it cannot be used */
	char *text;			/* malloc'ed, with a NUL behind it; the caller frees it */
	size_t n;
	/* May it include further lists?  Only root, or owner, can have written it. */
	bool includes;
};

/* Read a list for an aliases file of that owner.  It is read only if that gives nobody what is
 * secret: no link leads to it, it is a regular file, and everybody can read it or it belongs to
 * root or the owner.  0 or -errno; then l->why has the cause. */
int alias_list_read(struct alias_list *l, struct slice name, uid_t owner);

/* The cause if a list must not include another one. */
#define ALIAS_NO_INCLUDES \
	"this list must not include others: only root or the owner of the aliases file may be " \
	"able to write it"

/* Add the mistake to b, for people: "\"WORDS\": cause". */
void alias_mistake_text(const struct alias_mistake *m, struct buf *b);

#endif
