// SPDX-License-Identifier: ISC
/*
 * Lists "name=value; name=value", as DKIM and DMARC have them (RFC 6376 section 3.2).  Pure.
 */
#ifndef AUTH_TAGS_H
#define AUTH_TAGS_H

#include "base/slice.h"

struct tag {
	struct slice name;	/* without blanks and line ends around it, as is the value */
	struct slice value;
	struct slice whole;	/* all octets between "=" and ";" */
};

/* Take the next tag.  1; 0 at the end; -1: this is no such list. */
int tags_next(struct slice *rest, struct tag *ret);

/* Is it a list, and has it no name twice? */
bool tags_valid(struct slice list);

/* The value of a tag of a list, or NULL and 0 octets. */
struct slice tags_find(struct slice list, struct slice name);

/* s without blanks and line ends around it. */
struct slice tags_trim(struct slice s);

/* Take the next word of a list with this octet between its words; trimmed, it may be empty.  False
 * at the end. */
bool tags_word(struct slice *rest, char between, struct slice *ret);

/* Has a list that word? */
bool tags_has_word(struct slice list, char between, struct slice word);

#endif
