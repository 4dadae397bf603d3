// SPDX-License-Identifier: ISC
/*
 * Text from strangers, made harmless for a terminal or as JSON.  Also sizes and times for people.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdio.h>

#include "base/buf.h"

/* Reads the locale (LC_ALL, LC_CTYPE, LANG).  Unless it is UTF-8, octets above 127 become '?'. */
void text_init(void);

/* Prints one line of text.  Each control character, also LF, becomes '?'. */
void text_put(FILE *out, struct slice s);
/* Prints a text as printf(3) makes it.  Each control character becomes '?', but for one LF at the
 * end of the format. */
__attribute__((format(printf, 2, 3))) void text_print(FILE *out, const char *format, ...);
/* Prints a line of text in exactly this number of columns: cut with a mark, or filled with
 * blanks. */
void text_column(FILE *out, struct slice s, size_t columns);
/* The columns that text_put() fills with s. */
size_t text_width(struct slice s);
/* Prints lines: LF and tabs stay, a CR in front of LF is dropped.  Returns the number of octets at
 * the end that were not printed, because their character is incomplete; 0 with last. */
size_t text_lines(FILE *out, struct slice s, bool last);

/* Writes what was printed.  NULL, or why a part of it is lost. */
const char *text_lost(FILE *out);

/* Replaces each octet of lines that text_put() would not show by '?', in place.  LF and tabs stay.
 * Returns the number of octets at the end that are untouched, because their character is
 * incomplete; 0 with last. */
size_t text_clean(char *p, size_t n, bool last);

/* Prints a JSON string, with escapes for JSON and terminals.  Invalid UTF-8 becomes U+FFFD
 * (RFC 8259). */
void json_string(FILE *out, struct slice s);
/* Prints ,"key":"value". */
void json_text(FILE *out, const char *key, struct slice value);
/* Prints ,"key":123. */
void json_number(FILE *out, const char *key, int64_t value);
/* Prints ,"key":"2026-11-22T05:02:53Z"; unix_s: unix seconds. */
void json_time(FILE *out, const char *key, int64_t unix_s);

/* "1.4K", "50M": five columns at most. */
void text_octets(struct buf *b, uint64_t octets);
/* "12s", "5m", "3h", "2d": four columns up to 999 days. */
void text_duration(struct buf *b, int64_t seconds);

#endif
