// SPDX-License-Identifier: ISC
/*
 * The message as DATA carries it (RFC 5321 section 4.1.1.4, 4.5.2): dots removed, the end found, and what a
 * delivery will want to know noted on the way.  Only CRLF.CRLF ends a message.  Pure: from one buffer of
 * the caller's into another.
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include "base/buf.h"

enum smtp_newlines {
	SMTP_CRLF,		/* sockets: a bare CR or LF spoils the message */
	SMTP_LF_TOO,		/* pipes, and sessions typed by hand: LF is a line end too, stored as CRLF */
	SMTP_NORMALIZE,		/* sockets: a bare CR or LF is stored as CRLF, but never is part of the end */
};

struct smtp_data {
	enum smtp_newlines newlines;
	bool line_start, done;
	bool bare;			/* a bare CR came, or a bare LF that is no line end: content not to be kept */
	uint64_t octets;		/* of content so far, CRLFs included */
};

void smtp_data_init(struct smtp_data *d, enum smtp_newlines newlines);

/*
 * Decode as much of in as can be.  *ret_consumed octets of it are used up (a tail of one or two, CR or a
 * dot or both, may have to wait for what follows); the decoded content goes to out, which holds at least
 * 2 * n octets, and its length is returned.  After done, nothing more is consumed: what follows is the
 * next command.
 */
size_t smtp_data_decode(struct smtp_data *d, struct slice in, char *out, size_t *ret_consumed);

/*
 * The other way, for sending (section 4.5.2): one more dot where a line begins with one, bare CR and LF made
 * CRLF, and the final CRLF added where it is missing.  Streams: *state is 0 at the start of a message, then
 * kept by the caller.  out holds at least 2 * n + 2 octets; `last` adds what the end needs, without the dot
 * itself.  Returns the length.
 */
size_t smtp_data_encode(unsigned *state, struct slice in, bool last, char *out);

#endif
