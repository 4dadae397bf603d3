// SPDX-License-Identifier: ISC
/*
 * Where a recipient's Maildir is.  Private to the room and its tests.
 */
#ifndef DELIVERY_MAILDIR_H
#define DELIVERY_MAILDIR_H

#include "base/buf.h"

/* The route's path with {local} and {domain} replaced; hostname stands for the domain of a bare
 * <postmaster>.  0; -EINVAL when the address makes no safe name; -ENAMETOOLONG. */
int maildir_path(const char *template, struct slice path, struct slice domain, const char *hostname, struct buf *b);

#endif
