// SPDX-License-Identifier: ISC
/*
 * Authentication-Results fields that bear our name and came from outside: nobody but we may write such, so they
 * are taken out (RFC 8601 section 5).  Holds the beginning of one field at most.
 */
#ifndef MESSAGE_RESULTS_H
#define MESSAGE_RESULTS_H

#include "base/buf.h"
#include "message/qualify.h"

#define AUTHRES_HELD 1024	/* a field whose name of the server is not known after so much says nothing honest */

enum authres_state {
	AUTHRES_DECIDE,		/* what is held may be such a field */
	AUTHRES_KEEP,		/* within a field that stays */
	AUTHRES_KEEP_LINE,	/* at the start of its next line, if it has one */
	AUTHRES_DROP,
	AUTHRES_DROP_LINE,
	AUTHRES_BODY,
};

struct results {
	struct slice hostname;
	qualify_put *put;	/* where the content goes */
	void *ctx;
	enum authres_state state;
	unsigned dropped;	/* fields */
	struct buf held;
	char space[AUTHRES_HELD];
};

/* hostname is borrowed. */
void results_begin(struct results *a, struct slice hostname, qualify_put *put, void *ctx);
void results_content(struct results *a, struct slice octets);
void results_end(struct results *a);

#endif
