// SPDX-License-Identifier: ISC
/*
 * Delivery into Maildirs.
 */
#ifndef DELIVERY_MAILDIR_H
#define DELIVERY_MAILDIR_H

#include "attempt/attempt.h"

/* Add the path of the route, with {local} (without its detail) and {domain} replaced.  here is the
 * domain of <postmaster> without one.  0; -EINVAL if the address makes no safe name;
 * -ENAMETOOLONG. */
int maildir_path(const struct route *route, struct slice path, struct slice domain,
    struct slice here, struct buf *b);

/* Write e into the Maildirs of its recipients rcpts[0..n).  The sink gets each of them exactly
 * once. */
void deliver_maildir(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n);

#endif
