// SPDX-License-Identifier: ISC
/*
 * Conversion of a message for a server without 8BITMIME or BINARYMIME (RFC 6152 section 3, RFC 3030
 * section 3).  A part is encoded if it holds octets above 127, NUL, bare CR or LF, or lines over
 * 998 octets.  The encoding is quoted-printable or base64 (RFC 2045 section 6).  All other parts
 * keep their octets.  Header fields keep octets above 127, for which a server needs 8BITMIME, and
 * get blanks in place of NUL.
 */
#ifndef MESSAGE_SEVENBIT_H
#define MESSAGE_SEVENBIT_H

#include "base/slice.h"

#define MIME_DEPTH_MAX 20	/* depth of parts within parts */
#define MIME_LINE_MAX  998	/* octets of a line without CRLF (RFC 5322 section 2.1.1) */

/* Takes the new message in pieces.  Returns 0, or an error that ends the conversion. */
struct mime_sink {
	int (*write)(void *ctx, struct slice octets);
	void *ctx;
};

/*
 * The new message ends in CRLF.  Returns 0, the error of the sink, or -ENOTSUP if the message
 * cannot be converted; then *ret_why is the reason, a literal.  Octets may have gone to the sink
 * before that.
 */
int mime_sevenbit(struct slice message, const struct mime_sink *sink, const char **ret_why);

#endif
