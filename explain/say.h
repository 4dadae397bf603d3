// SPDX-License-Identifier: ISC
/*
 * The output of an explanation: a key and a text on each line, for people or as JSON.
 */
#ifndef EXPLAIN_SAY_H
#define EXPLAIN_SAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct say {
	FILE *out;
	bool json;		/* an object a line: {"key":"route","text":"..."} */
	const char *key;	/* of the last line */
};

/* Print a line.  A key of NULL continues the line before. */
__attribute__((format(printf, 3, 4))) void say_line(struct say *s, const char *key,
    const char *format, ...);

/* Print an object {"key":key,...}: begin, json_text() and json_number() to s->out, end.  Only if
 * s->json is set. */
void say_begin(struct say *s, const char *key);
void say_end(struct say *s);

#endif
