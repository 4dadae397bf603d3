// SPDX-License-Identifier: ISC
/*
 * Where settings come from, in the order in which they count: the file, then conf.d/
 * beside it, then -o.  Knows no key; config.c is told of each setting and says what it means.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/config.h"

/* A place to point at; all zero: nowhere yet. */
struct place {
	const char *file;	/* lives until settings_done() */
	unsigned line;		/* 0: none */
	unsigned source;	/* which file or -o, counted from 1 */
};

struct setting {
	struct place place;
	struct slice section;
	struct slice key;	/* empty: a section begins */
	struct slice value;
};

struct settings {
	const struct config_report *report;
	bool (*set)(void *ctx, const struct setting *setting);	/* false: the rest of the section is of no use */
	void *ctx;
	unsigned errors, source;
	char **files;
	size_t nfiles;
};

/* Read all and call set for each.  What is wrong with files and syntax is reported and counted. */
void settings_read(struct settings *s, const char *file, const char *const *overrides, size_t n);
void settings_done(struct settings *s);

/* Report, printable whatever is in it, and count. */
__attribute__((format(printf, 3, 4))) void settings_error(struct settings *s, struct place at, const char *format, ...);

#endif
