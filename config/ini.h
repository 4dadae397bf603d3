// SPDX-License-Identifier: ISC
/*
 * The syntax of a configuration file: `[section]`, `key = value`, `# comment`.  It knows no section
 * and no key.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include "base/slice.h"

#define INI_LINE_MAX 16384	/* octets without the line end */

enum ini_kind { INI_SECTION, INI_SETTING, INI_ERROR };

struct ini {
	struct slice rest;
	unsigned line;		/* number of the last item's line, from 1 */
};

struct ini_item {
	enum ini_kind kind;
	struct slice name;	/* INI_SECTION, INI_SETTING: never empty */
	struct slice value;	/* INI_SETTING; may be empty */
	const char *error;	/* INI_ERROR: the mistake in the line */
};

static inline struct ini
ini_start(struct slice text)
{
	return (struct ini){ .rest = text };
}

/* The next item, without its comment and the blanks around it; false at the end. */
bool ini_next(struct ini *ini, struct ini_item *ret);

#endif
