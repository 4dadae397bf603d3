// SPDX-License-Identifier: ISC
/*
 * The part of --check that reads aliases files.
 */
#ifndef ALIASES_CHECK_H
#define ALIASES_CHECK_H

#include "config/config.h"

/* Report every mistake in the aliases files and in the lists they include, each with its line.
 * Return their number. */
unsigned aliases_check(const struct config *c, const struct config_report *report);

#endif
