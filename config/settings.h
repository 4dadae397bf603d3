// SPDX-License-Identifier: ISC
/*
 * The sources of settings, a later one overriding an earlier one: the file, then conf.d/ beside it,
 * then -o.  It knows no key: a function gets each setting.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/config.h"
#include "config/texts.h"

/* The place of a setting, for error messages; all zero: it was not set. */
struct place {
	const char *file;	/* lives until settings_done() */
	unsigned line;		/* 0: none */
	unsigned source;	/* number of the file or -o, from 1 */
};

struct setting {
	struct place place;
	struct slice section;
	struct slice key;	/* empty: a section begins */
	struct slice value;
};

struct settings {
	const struct config_report *report;
	/* Takes each setting.  False: the rest of its section is skipped. */
	bool (*set)(void *ctx, const struct setting *setting);
	void *ctx;
	struct config_texts *keep;	/* gets what is read from files; NULL: nobody */
	unsigned errors, source;
	char **files;
	size_t nfiles;
};

/* Read all sources and call set for each setting.  Errors in files and syntax are reported. */
void settings_read(struct settings *s, const struct config_source *from);
void settings_done(struct settings *s);

/* Count an error and report it; control characters in the text become '?'. */
__attribute__((format(printf, 3, 4))) void settings_error(
    struct settings *s, struct place at, const char *format, ...);

#endif
