// SPDX-License-Identifier: ISC
/*
 * A copy of a message in seven bits, for a peer without 8BITMIME or BINARYMIME.  Private to the
 * room.
 */
#ifndef CLIENT_CONVERT_H
#define CLIENT_CONVERT_H

#include "client/payload.h"
#include "message/facts.h"

/*
 * Write the same message in seven bits into a file in memory.  Its descriptor, which the caller
 * closes, and the facts of its octets; -ENOTSUP if it cannot be converted, with the reason in
 * *ret_why (a literal); -EIO if it cannot be read; -errno.
 */
int convert_sevenbit(const struct payload *message, struct facts *ret, const char **ret_why);

#endif
