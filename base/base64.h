// SPDX-License-Identifier: ISC
/*
 * Base64 (RFC 4648 section 4), on one line, as SASL has it.  What is decoded may be secret: nothing is kept.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

/* Append what `text` stands for.  False, with some of it perhaps in b, when it is not base64 to the letter: another
 * character, a wrong number of them or of '=', bits that belong to no octet.  Too long is for b to say. */
bool base64_decode(struct buf *b, struct slice text);

void base64_encode(struct buf *b, struct slice octets);

#endif
