// SPDX-License-Identifier: ISC
/*
 * The path of a recipient's Maildir.
 */
#ifndef DELIVERY_MAILDIR_H
#define DELIVERY_MAILDIR_H

#include "base/buf.h"
#include "config/config.h"

/* Add the path of the route, with {local} (without its detail) and {domain} replaced.  here is the
 * domain of <postmaster> without one.  0; -EINVAL if the address makes no safe name;
 * -ENAMETOOLONG. */
int maildir_path(const struct route *route, struct slice path, struct slice domain,
    struct slice here, struct buf *b);

#endif
