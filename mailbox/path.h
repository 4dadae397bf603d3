// SPDX-License-Identifier: ISC
/*
 * The folder of a recipient's Maildir.
 */
#ifndef MAILBOX_PATH_H
#define MAILBOX_PATH_H

#include "config/config.h"

/* Add the path of the route, with {local} or {user} (both without the detail) and {domain}
 * replaced.  here is the domain of <postmaster> without one.  0; -EINVAL if the address makes no
 * safe name; -ENAMETOOLONG. */
int mailbox_path(const struct route *route, struct slice path, struct slice domain,
    struct slice here, struct buf *b);

/* Add the name of the user of this machine that the address belongs to: the local part in lower
 * case, whole or without its detail.  A name may have the delimiter itself, such as '-', so the
 * whole is tried first.  0; -EINVAL if it makes no safe name. */
int mailbox_user(const struct route *route, struct slice path, struct slice domain, bool whole,
    struct buf *b);

/* Has the local part a detail? */
bool mailbox_has_detail(const struct route *route, struct slice path, struct slice domain);

/* Can the address have a mailbox of the route?  Not with such a local part as "../x" or "a/b". */
bool mailbox_possible(const struct route *route, struct slice path, struct slice domain);

#endif
