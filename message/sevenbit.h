// SPDX-License-Identifier: ISC
/*
 * A message made fit for a server without 8BITMIME or BINARYMIME (RFC 6152 section 3, RFC 3030 section 3): each part that holds
 * octets above 127, NUL, bare CR or LF, or lines over 998 octets, is encoded as quoted-printable or base64
 * (RFC 2045 section 6).  What needs nothing stays as it is, octet for octet.
 */
#ifndef MESSAGE_SEVENBIT_H
#define MESSAGE_SEVENBIT_H

#include "base/slice.h"

#define MIME_DEPTH_MAX 20	/* of parts within parts */

/* Where the new message goes, in pieces: 0, or an error that ends it all. */
struct mime_sink {
	int (*write)(void *ctx, struct slice octets);
	void *ctx;
};

/* The new message ends in CRLF.  0; -ENOTSUP when it cannot be converted, with the reason in *ret_why (a literal), perhaps after some of it
 * was written: ask with a sink that counts first, the second time is the same; or what the sink said. */
int mime_sevenbit(struct slice message, const struct mime_sink *sink, const char **ret_why);

#endif
