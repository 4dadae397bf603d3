// SPDX-License-Identifier: ISC
/*
 * What --check says of aliases files.
 */
#ifndef ALIASES_CHECK_H
#define ALIASES_CHECK_H

#include "config/config.h"

/* Report every mistake in every file, and in the lists they include, with its line.  How many there are. */
unsigned aliases_check(const struct config *c, const struct config_report *report);

#endif
