// SPDX-License-Identifier: ISC
/*
 * What all programs share on their command line: -c FILE, -o SECTION.KEY=VALUE,
 * --check, --version, --help; and the way from there to a configuration.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <getopt.h>

#include "config/config.h"

#define OPTIONS_OVERRIDES_MAX 64

struct program {
	const char *name;
	const char *usage;		/* all of --help */
	const struct option *options;	/* its own long options, ended by a zero row; val >= OPTION_OWN */
	bool arguments;			/* takes what is no option, too: told as OPTION_ARGUMENT, in order */
};

enum { OPTION_ARGUMENT = 255, OPTION_OWN };

struct options {
	const char *config_file;	/* NULL: the default */
	const char *overrides[OPTIONS_OVERRIDES_MAX];
	size_t noverrides;
	bool check;
	/* What --check has to look at besides: returns how many mistakes it has reported.  The program's to set, once it
	 * has parsed its options; NULL: nothing. */
	unsigned (*check_more)(const struct config *c, const struct config_report *report);
};

/*
 * Parse argv.  Own options go to own(ctx, val, argument), which returns 0 or an exit code; arguments
 * that are no options are an error where the program does not take them.  Returns -1 to go on, or the exit code to end with: 0 after
 * --help or --version, 64 (EX_USAGE) after saying what is wrong on stderr.
 */
int options_parse(struct options *o, const struct program *program, int argc, char **argv,
    int (*own)(void *ctx, int val, const char *argument), void *ctx);

/* Load the configuration, each error to the log as "FILE:LINE: what".  -1 to go on, else the exit code: 78
 * (EX_CONFIG) on errors; with --check 0 when all is well, errors then on stderr.  Unless it is -1,
 * *ret_config holds nothing. */
int options_config(const struct options *o, struct config *ret_config);

#endif
