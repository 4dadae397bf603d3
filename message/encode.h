// SPDX-License-Identifier: ISC
/*
 * The two encodings of RFC 2045 (sections 6.7 and 6.8), in lines of at most 76 octets.  Pure.
 */
#ifndef MESSAGE_ENCODE_H
#define MESSAGE_ENCODE_H

#include "message/sevenbit.h"

/* Text: CRLF stays a line end, all else that could not travel is escaped.  escaped: it is quoted-printable already, but for the octets
 * above 127 in it. */
int mime_quoted_printable(struct slice text, bool escaped, const struct mime_sink *sink);

/* Lines are separated by CRLF; there is none behind the last. */
int mime_base64(struct slice octets, const struct mime_sink *sink);

#endif
