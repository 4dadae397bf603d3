// SPDX-License-Identifier: ISC
/*
 * The text of an aliases file and of a list that one includes (aliases(5) as people know it).  No files, no memory:
 * what comes out points into the text.
 */
#ifndef ALIASES_TEXT_H
#define ALIASES_TEXT_H

#include "smtp/address.h"

#define ALIASES_TEXT_MAX ((size_t)8 << 20)	/* octets of a file */

/* What is wrong, and where; all zero: nothing. */
struct alias_mistake {
	unsigned line;
	struct slice what;		/* the words concerned */
	const char *why;		/* NULL: nothing */
};

struct alias_text {
	struct slice rest;
	unsigned line;			/* of the first octet of rest */
};

struct alias_entry {
	struct slice raw;		/* the name as written */
	struct smtp_path name;
	struct alias_text targets;	/* what stands behind the colon, with its continuation lines */
	unsigned line;
};

enum alias_kind {
	ALIAS_ADDRESS,
	ALIAS_FINAL,			/* "\anna": an address that is not looked up again */
	ALIAS_INCLUDE,			/* ":include:/path" */
	ALIAS_NOTHING,			/* "/dev/null" */
};

struct alias_target {
	enum alias_kind kind;
	struct smtp_path path;		/* a local part alone, or an address */
	struct slice file;
	unsigned line;
};

/* From its start, behind an editor's byte order mark. */
static inline struct alias_text
alias_text(struct slice text)
{
	return (struct alias_text){ slice_has_prefix(text, SL("\xef\xbb\xbf")) ? slice_skip(text, 3) : text, 1 };
}

/* The next "name: targets".  1; 0 at the end; -1: a line that is none, which is passed over. */
int alias_next(struct alias_text *t, struct alias_entry *ret, struct alias_mistake *ret_mistake);

/* The next target of an entry or of an included list, where commas and line ends separate.  1; 0 at the end; -1: what is no
 * target is passed over. */
int alias_target_next(struct alias_text *t, struct alias_target *ret, struct alias_mistake *ret_mistake);

#endif
