// SPDX-License-Identifier: ISC
/*
 * The parameters behind a path (esmtp-param of RFC 5321 section 4.1.2): split, looked up and
 * written; and xtext, the code of some values.  Pure.
 */
#ifndef SMTP_PARAM_H
#define SMTP_PARAM_H

#include "base/buf.h"

struct smtp_param {
	struct slice keyword;
	struct slice value;	/* .p is NULL without an '=' */
	struct slice whole;
};

enum smtp_param_result { SMTP_PARAM_NONE, SMTP_PARAM_TAKEN, SMTP_PARAM_MALFORMED };

/* Take the next parameter of *in, and move *in behind it. */
enum smtp_param_result smtp_param_take(struct slice *in, struct smtp_param *ret);

/* Find the first parameter with this keyword.  A malformed parameter ends the search. */
bool smtp_param_find(struct slice params, struct slice keyword, struct smtp_param *ret);

/* The value of the first parameter with this keyword; .p is NULL if there is no value. */
struct slice smtp_param_value(struct slice params, struct slice keyword);

/* Is there a parameter with this keyword, even behind a malformed one? */
bool smtp_param_has(struct slice params, struct slice keyword);

/* Add a parameter to b, behind a blank if b is not empty.  Without value.p, add no '='. */
void smtp_param_add(struct buf *b, struct slice keyword, struct slice value);

/*
 * Check xtext: printable octets, and a '+' only in front of two digits (RFC 3461 section 4), which
 * may be in lower case.  With utf8, octets above 127 are valid too (RFC 6533 section 3).  *ret_n:
 * the number of octets it stands for.
 */
bool smtp_xtext_valid(struct slice s, bool utf8, size_t *ret_n);
/* Add the text that xtext stands for to b; malformed octets as they are. */
void smtp_xtext_decode(struct slice xtext, struct buf *b);
/* Write the digits of valid xtext in upper case, as its grammar demands. */
void smtp_xtext_raise(char *xtext, size_t n);
/* Add a text to b as xtext. */
void smtp_xtext_encode(struct slice text, struct buf *b);

#endif
