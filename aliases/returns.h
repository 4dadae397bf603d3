// SPDX-License-Identifier: ISC
/*
 * Addresses at [relay] srs-domain that stand for the reverse-paths of forwarded mail (smtp/srs.h).
 * The runner makes them, and a session checks them, each with a secret of its own file.
 */
#ifndef ALIASES_RETURNS_H
#define ALIASES_RETURNS_H

#include "config/config.h"
#include "smtp/address.h"

/* Read the file of the secrets, unless that is done: a sandbox closes its path.  NULL: there are
 * none.  Later calls use what it has. */
void returns_hold(const char *secret);

/* Has the address the form, and the domain? */
bool returns_is(const struct config *c, const struct smtp_path *to);

/* Find the reverse-path that the address stands for.  1; 0 with the reason for the client in *why;
 * -errno with the trouble in it if the secrets cannot be read. */
int returns_find(const char *secret, const struct smtp_path *to, struct smtp_path *ret,
    struct buf *why);

/* Does mail for this address leave our domains, so that srs-domain speaks for its sender? */
bool returns_leaves(const struct config *c, const struct smtp_path *to);

/* Make the address that stands for a reverse-path in mail that leaves.  1; 0 if the reverse-path
 * stays: it is null or ours, or the address would be too long; -errno with the trouble in why. */
int returns_make(const struct config *c, struct slice from, struct smtp_path *ret,
    struct buf *why);

/* --check of the file: the mistakes, which are reported.  section: of the setting. */
unsigned returns_check(const char *secret, const char *section, const struct config_report *report);

#endif
