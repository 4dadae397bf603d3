// SPDX-License-Identifier: ISC
/*
 * The content as DATA carries it (RFC 5321 sections 4.1.1.4 and 4.5.2): its dots, its line ends and
 * its end.  Pure: octets go from one buffer of the caller into another.
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include "base/buf.h"

/* The octets that end a line.  Only with SMTP_LF_TOO does anything but CRLF.CRLF end a content. */
enum smtp_newlines {
	SMTP_CRLF,		/* sockets: a bare CR or LF spoils the content */
	SMTP_LF_TOO,		/* pipes, and sessions typed by hand: LF becomes CRLF */
	SMTP_NORMALIZE,		/* sockets: a bare CR or LF in the text becomes CRLF */
};

struct smtp_data {
	enum smtp_newlines newlines;
	bool line_start;	/* the next octet may be a dot that is not content */
	bool done;		/* the end has come */
	bool bare;		/* the content is spoiled: discard it */
};

void smtp_data_init(struct smtp_data *d, enum smtp_newlines newlines);

/*
 * Decode as many octets of `in` as possible.  *ret_consumed of them are used up; the last one or
 * two, a CR or a dot or both, may have to wait for more.  The content goes to out, which holds at
 * least 2 * in.n octets.  Returns its length.  After done nothing is consumed: the next command
 * follows.
 */
size_t smtp_data_decode(struct smtp_data *d, struct slice in, char *out, size_t *ret_consumed);

/*
 * Encode content: a dot that begins a line is doubled, a bare CR or LF becomes CRLF.  *state
 * belongs to the caller and is 0 at the start of a content.  last: add the final CRLF if it is
 * missing; the final dot is not added.  out holds at least 2 * in.n + 2 octets.  Returns the
 * length.
 */
size_t smtp_data_encode(unsigned *state, struct slice in, bool last, char *out);

#endif
