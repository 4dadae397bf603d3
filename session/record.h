// SPDX-License-Identifier: ISC
/*
 * The lines about a session in the log, and its counters.  Each refused sender or recipient has a
 * line, and so has each message that is accepted or refused.  One line is for the end.
 */
#ifndef SESSION_RECORD_H
#define SESSION_RECORD_H

#include "smtp/server.h"

struct session;

struct record {
	int64_t started_ms;
	unsigned accepted;		/* messages */
	unsigned transactions;		/* MAIL commands that were accepted */
	bool early;			/* the client sent something before the greeting */

	/* The transaction, which the protocol's state forgets with the reply that is logged. */
	struct smtp_path from;
	struct buf to;			/* "a@example.org,b@example.org,...": all that fit */
	unsigned recipients;
	char to_space[500];
};

/* MAIL, RCPT, VRFY or DATA was decided on: a refusal is logged, all else is kept for the line of
 * the message. */
void record_decided(struct session *s, enum smtp_next what, enum smtp_verdict verdict,
    const struct smtp_path *from, const struct smtp_path *to, const struct smtp_reply *reply);

/* A message was accepted or refused. */
void record_message(struct session *s, enum smtp_data_result result,
    const struct smtp_reply *reply);

/* The queue does not work: the operator has to know the -errno, and the client is to try again. */
void record_trouble(const struct session *s, int error);

/* AUTH was accepted, or refused. */
void record_auth(const struct session *s, enum smtp_verdict verdict,
    const struct smtp_reply *reply);

/* An authenticated user has passed this limit, for the first time in an hour. */
void record_quota(const struct session *s, const char *limit);

void record_end(const struct session *s);

#endif
