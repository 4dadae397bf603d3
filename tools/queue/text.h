// SPDX-License-Identifier: ISC
/*
 * What strangers wrote, for a terminal or as JSON: nothing in it may be obeyed by either.  Also sizes and times for people.
 */
#ifndef TOOLS_QUEUE_TEXT_H
#define TOOLS_QUEUE_TEXT_H

#include <stdio.h>

#include "base/buf.h"

/* Does the locale (LC_ALL, LC_CTYPE, LANG) say UTF-8?  Else every octet above 127 is shown as '?'.  Asked once, by the main. */
void text_init(void);

/* One line of text: what a terminal would obey, LF too, becomes '?'. */
void text_put(FILE *out, struct slice s);
/* The same, cut to so many columns (the cut is marked) and filled up with blanks. */
void text_column(FILE *out, struct slice s, size_t columns);
/* How many columns it takes. */
size_t text_width(struct slice s);
/* Lines: LF and tabs stay, a CR in front of LF goes.  Returns how many octets at the end it left for the next call,
 * because they may be the beginning of something; none with last. */
size_t text_lines(FILE *out, struct slice s, bool last);

/* In quotes, with what JSON (RFC 8259) and terminals want escaped; what is no UTF-8 becomes U+FFFD. */
void json_string(FILE *out, struct slice s);
/* ,"key":"value" and ,"key":123 */
void json_text(FILE *out, const char *key, struct slice value);
void json_number(FILE *out, const char *key, int64_t value);
/* ,"key":"2026-11-22T05:02:53Z", of unix seconds */
void json_time(FILE *out, const char *key, int64_t unix_s);

/* "1.4K", "50M": five columns at most.  "12s", "5m", "3h", "2d": four (up to 999 days). */
void text_octets(struct buf *b, uint64_t octets);
void text_duration(struct buf *b, int64_t seconds);

#endif
