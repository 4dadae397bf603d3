// SPDX-License-Identifier: ISC
/*
 * Where a recipient's Maildir is.  Private to the room and its tests.
 */
#ifndef DELIVERY_MAILDIR_H
#define DELIVERY_MAILDIR_H

#include "base/buf.h"
#include "config/config.h"

/* The route's path with {local}, less its detail, and {domain} replaced; here stands for the domain of a bare
 * <postmaster>.  0; -EINVAL when the address makes no safe name; -ENAMETOOLONG. */
int maildir_path(const struct route *route, struct slice path, struct slice domain, struct slice here, struct buf *b);

#endif
