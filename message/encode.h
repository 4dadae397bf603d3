// SPDX-License-Identifier: ISC
/*
 * The two encodings of MIME (RFC 2045 sections 6.7 and 6.8), in lines of at most 76 octets.  Pure.
 */
#ifndef MESSAGE_ENCODE_H
#define MESSAGE_ENCODE_H

#include "message/sevenbit.h"

/* CRLF stays a line end.  escaped: the text is already quoted-printable, except for NUL and
 * octets above 127. */
int mime_quoted_printable(struct slice text, bool escaped, const struct mime_sink *sink);

/* CRLF separates the lines; the last line has none. */
int mime_base64(struct slice octets, const struct mime_sink *sink);

#endif
