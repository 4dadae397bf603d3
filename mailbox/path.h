// SPDX-License-Identifier: ISC
/*
 * The folder of a recipient's Maildir.
 */
#ifndef MAILBOX_PATH_H
#define MAILBOX_PATH_H

#include "config/config.h"

/* Add the path of the route, with {local} (without its detail) and {domain} replaced.  here is the
 * domain of <postmaster> without one.  0; -EINVAL if the address makes no safe name;
 * -ENAMETOOLONG. */
int mailbox_path(const struct route *route, struct slice path, struct slice domain,
    struct slice here, struct buf *b);

/* Can the address have a mailbox?  Not with such a local part as "../x" or "a/b". */
bool mailbox_possible(const struct route *route, struct slice path, struct slice domain);

#endif
