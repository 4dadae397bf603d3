// SPDX-License-Identifier: ISC
/*
 * Files that are named by days, "2026-11-28" (UTC): a line for each thing that happened then.
 */
#ifndef BASE_DAY_H
#define BASE_DAY_H

#include <stdint.h>

#include "base/buf.h"

#define DAY_SECONDS 86400
#define DAY_NAME    11		/* octets of a name, with NUL */

/* The name of the day at that time. */
void day_name(int64_t time_s, char ret[DAY_NAME]);

/* Remove the files of a folder whose names are `prefix` and a day before the one at that time. */
void day_remove_before(int folder, const char *prefix, int64_t time_s);

/* Append lines to a file that has `size` octets.  Either all of them are there, or the file is as
 * before, so that the next line begins a line.  0 or -errno. */
int day_append(int fd, struct slice lines, int64_t size);

#endif
