// SPDX-License-Identifier: ISC
/*
 * What the log says of a session: a line for each recipient or sender refused, for each message
 * accepted or refused, and for the end.  A part of the main: it logs.
 */
#ifndef SERVER_RECORD_H
#define SERVER_RECORD_H

#include "net/peer.h"
#include "smtp/session.h"

struct record {
	const struct peer *peer;
	const struct smtp_session *session;
	unsigned accepted;		/* messages */
	int64_t started_ms;
};

/* MAIL, DATA, or with `to` RCPT. */
void record_refused(const struct record *r, const struct smtp_path *from, const struct smtp_path *to,
    const struct smtp_reply *reply);

/* What became of a message; while the session still knows the transaction. */
void record_message(struct record *r, struct slice id, uint64_t size, enum smtp_data_result result);

/* Something of ours does not work: the client is told to come back, the operator why. */
void record_trouble(const char *directory, int error);

void record_end(const struct record *r, const char *end);

#endif
