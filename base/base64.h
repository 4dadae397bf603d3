// SPDX-License-Identifier: ISC
/*
 * Base64 on one line, as SASL uses it (RFC 4648 section 4).  The decoded octets may be a secret, so
 * this module keeps no copy of them.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Append the octets that `text` encodes.  False if it is not exactly base64: another character, a
 * wrong length, a wrong number of '=', or bits that belong to no octet.  After false, b may hold a
 * part.  A result that does not fit sets b->full only. */
bool base64_decode(struct buf *b, struct slice text);

void base64_encode(struct buf *b, struct slice octets);

#endif
