// SPDX-License-Identifier: ISC
/*
 * The files that an expansion reads, for a process that has to list them before.
 */
#ifndef ALIASES_FILES_H
#define ALIASES_FILES_H

#include "aliases/find.h"

/* Call each() with every aliases file and every list that these include, once.  Files that have
 * changed are read again.  Above ALIASES_FILES_MAX the rest is left out. */
#define ALIASES_FILES_MAX 1000
void aliases_files(struct aliases *a, void (*each)(void *ctx, const char *file), void *ctx);

#endif
