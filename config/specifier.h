// SPDX-License-Identifier: ISC
/*
 * Specifiers in the path of a folder, as in units of systemd: %H is the name of this machine.
 */
#ifndef CONFIG_SPECIFIER_H
#define CONFIG_SPECIFIER_H

#include "base/buf.h"

/* Write the path with the name in place of each %H, and % in place of %%.  0; -EINVAL with what to
 * do in why. */
int specifier_expand(struct slice path, struct slice host, struct buf *ret, struct buf *why);

/* The same with the name of this machine, as hostname(1) prints it. */
int specifier_expand_here(struct slice path, struct buf *ret, struct buf *why);

#endif
