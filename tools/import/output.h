// SPDX-License-Identifier: ISC
/*
 * The result of an import as text and as files.
 */
#ifndef TOOLS_IMPORT_OUTPUT_H
#define TOOLS_IMPORT_OUTPUT_H

#include "config/config.h"
#include "tools/import/plan.h"

#define OUTPUT_CONFIG "conf.d/50-imported.conf"	/* in the folder of the plan */

/* The configuration with the source of each line, in memory of the plan.  It has no secrets. */
const char *output_text(struct plan *p, const char *source);

/* Would our programs read the result?  Files that it names may still be missing. */
bool output_check(const struct plan *p, const struct config_report *report);

/* Print the notes, and what to do with files that are not written. */
void output_notes(const struct plan *p, bool written, FILE *out);

/*
 * Write the configuration and its files into the folder of the plan.  The configuration comes last,
 * so it never names a file that is not there.  Without `force` no file is replaced.  0; -errno with
 * the file in why.
 */
int output_write(struct plan *p, const char *source, bool force, struct buf *why);

#endif
