// SPDX-License-Identifier: ISC
/*
 * The text of an aliases file and of a list that it includes (aliases(5)).  No files, no memory:
 * the results point into the text.
 */
#ifndef ALIASES_TEXT_H
#define ALIASES_TEXT_H

#include "smtp/address.h"

#define ALIASES_TEXT_MAX ((size_t)8 << 20)	/* octets of a file */

/* A mistake and its place. */
struct alias_mistake {
	unsigned line;
	struct slice what;		/* the words concerned */
	const char *why;
};

struct alias_text {
	struct slice rest;
	unsigned line;			/* the line of the first octet of rest */
};

struct alias_entry {
	struct slice raw;		/* the name as written */
	struct smtp_path name;
	struct alias_text targets;	/* behind the colon, with the continuation lines */
	unsigned line;
};

enum alias_kind {
	ALIAS_ADDRESS,
	ALIAS_FINAL,			/* "\anna": an address that is not looked up */
	ALIAS_INCLUDE,			/* ":include:/path" */
	ALIAS_NOTHING,			/* "/dev/null" */
};

struct alias_target {
	enum alias_kind kind;
	struct smtp_path path;		/* a local part alone, or an address */
	struct slice file;
	unsigned line;
};

/* The text from its start, behind a byte order mark. */
static inline struct alias_text
alias_text(struct slice text)
{
	if (slice_has_prefix(text, SL("\xef\xbb\xbf")))
		text = slice_skip(text, 3);
	return (struct alias_text){ text, 1 };
}

/* Take the next "name: targets".  1; 0 at the end; -1: the line is a mistake, and is skipped. */
int alias_next(struct alias_text *t, struct alias_entry *ret, struct alias_mistake *ret_mistake);

/* Take the next target of an entry or of an included list.  Commas and line ends separate targets.
 * 1; 0 at the end; -1: it is a mistake, and is skipped. */
int alias_target_next(struct alias_text *t, struct alias_target *ret,
    struct alias_mistake *ret_mistake);

#endif
