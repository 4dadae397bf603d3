// SPDX-License-Identifier: ISC
/*
 * What the log says of a session: a line for each recipient or sender refused, for each message
 * accepted or refused, and for the end.  A part of the main: it logs.
 */
#ifndef SESSION_RECORD_H
#define SESSION_RECORD_H

#include "net/peer.h"
#include "net/tls.h"
#include "smtp/server.h"

struct record {
	const struct peer *peer;
	const struct server_session *session;
	unsigned accepted;		/* messages */
	int64_t started_ms;
	const struct tls_facts *tls;	/* empty where there is no TLS */

	bool early;			/* the client spoke before the greeting */
	unsigned transactions;		/* MAIL that was accepted */

	/* The transaction: the session forgets it with the reply that is logged. */
	struct smtp_path from;
	struct buf to;			/* "a@example.org,b@example.org": as many as there is room for */
	unsigned recipients;
	char to_space[500];
};

/* MAIL, RCPT, VRFY or DATA was decided on: remembered for the message, or a line when it was refused. */
void record_decided(struct record *r, enum smtp_next what, const struct smtp_path *from, const struct smtp_path *to,
    const struct smtp_reply *reply);

/* What became of a message. */
void record_message(struct record *r, struct slice id, uint64_t size, enum smtp_data_result result,
    const struct smtp_reply *reply);

/* Something of ours does not work: the client is told to come back, the operator why. */
void record_trouble(const char *directory, int error);

/* AUTH was refused. */
void record_auth(const struct record *r, const struct smtp_reply *reply);

void record_end(const struct record *r, const char *end);

#endif
