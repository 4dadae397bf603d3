// SPDX-License-Identifier: ISC
/*
 * The options that all programs share: -c FILE, -o SECTION.KEY=VALUE, --check, --version, --help;
 * and the configuration that follows from them.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <getopt.h>

#include "base/owner.h"
#include "config/config.h"

#define OPTIONS_OVERRIDES_MAX 64

struct program {
	const char *name;
	const char *usage;		/* the whole text of --help */
	const struct option *options;	/* long options, val >= OPTION_OWN; ends with zeros */
	bool arguments;			/* takes arguments without "-", as OPTION_ARGUMENT */
	enum owner_role role;		/* whose eyes --check has if root calls it */
};

enum { OPTION_ARGUMENT = 255, OPTION_OWN };

struct options {
	const char *config_file;	/* NULL: the default */
	const char *overrides[OPTIONS_OVERRIDES_MAX];
	size_t noverrides;
	bool check;
	enum owner_role role;
	const struct config_texts *texts;	/* the files as another program has read them */
	struct config_texts *keep;		/* gets the files as they are read; NULL: nobody */
	/* Further checks of --check, which a program may set after options_parse(); NULL: none.
	 * Returns the number of mistakes that were reported. */
	unsigned (*check_more)(const struct config *c, const struct config_report *report);
};

/*
 * Parse argv.  The program's own options and arguments go to own(ctx, val, argument), which returns
 * 0 or an exit code.  Returns -1 to go on, or the exit code to end with: 0 after --help or
 * --version; 64 (EX_USAGE) after the mistake was reported on stderr.
 */
int options_parse(struct options *o, const struct program *program, int argc, char **argv,
    int (*own)(void *ctx, int val, const char *argument), void *ctx);

/* The sources of the configuration by these options.  It borrows from o. */
struct config_source options_source(const struct options *o);

/* Load the configuration.  Errors go as "FILE:LINE: TEXT" to the log, with --check to stderr.
 * Returns -1 to go on with *ret_config, or the exit code to end with, *ret_config holding nothing:
 * 78 (EX_CONFIG) after errors, 0 after a --check without any. */
int options_config(const struct options *o, struct config *ret_config);

#endif
