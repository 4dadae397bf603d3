// SPDX-License-Identifier: ISC
/*
 * A message from the client into the queue, and the reply to it: after 354 up to the final dot, or BDAT by BDAT
 * (RFC 3030).  A part of the main: it logs.
 */
#ifndef SESSION_RECEIVE_H
#define SESSION_RECEIVE_H

#include "session/content.h"
#include "session/record.h"

struct receive {
	struct content *message;
	struct server_session *session;
	struct stream *client;
	struct record *record;
	enum smtp_newlines newlines;
	int timeout_ms;
};

/* What -errno of the queue means to the client; logs it. */
enum smtp_verdict receive_verdict(const struct config *config, int error);

/* Each: 1 with the reply and how often it is due, or what stream_fill() said: then the connection is of no use any more. */
int receive_data(const struct receive *r, struct smtp_reply *ret, unsigned *ret_times);
int receive_chunk(const struct receive *r, struct smtp_reply *ret, unsigned *ret_times);
/* Throw away what a BDAT announced that nobody wants.  The same results. */
int receive_discard(const struct receive *r);

#endif
