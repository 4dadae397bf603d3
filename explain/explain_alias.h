// SPDX-License-Identifier: ISC
/*
 * The part of --explain that is about aliases.  Private to runner/.
 */
#ifndef EXPLAIN_EXPLAIN_ALIAS_H
#define EXPLAIN_EXPLAIN_ALIAS_H

#include <stdio.h>

#include "config/config.h"
#include "smtp/address.h"

/* Does the address stand for others?  Then they were printed. */
bool explain_alias(const struct config *c, const struct smtp_path *path, FILE *out);

#endif
