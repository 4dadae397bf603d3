// SPDX-License-Identifier: ISC
/*
 * A copy of a message in seven bits, for a peer without 8BITMIME or BINARYMIME.  Private to the
 * room.
 */
#ifndef CLIENT_CONVERT_H
#define CLIENT_CONVERT_H

#include "client/payload.h"

/*
 * Make *ret the same message in seven bits.  Its descriptor, which the caller closes; -ENOTSUP if
 * it cannot be converted, with the reason in *ret_why (a literal); -errno.
 */
int convert_sevenbit(const struct queue_entry *e, struct payload *ret, const char **ret_why);

#endif
