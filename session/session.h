// SPDX-License-Identifier: ISC
/*
 * A session as the main holds it: smtp-handler.c has the conversation, decide.c what the conversation cannot
 * know by itself.  Both are the main.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "net/stream.h"
#include "net/tls.h"
#include "session/content.h"
#include "session/policy.h"
#include "session/record.h"
#include "session/start.h"
#include "session/process.h"

struct session {
	const struct config *config;
	const struct options *options;
	struct peer peer;
	struct policy policy;
	struct server server;
	struct server_session session;
	struct record record;
	enum smtp_newlines newlines;
	int timeout_ms;
	const char *end;		/* why the session is over; NULL while it is not */
	bool lost;			/* replies get through no more */
	struct tls_facts tls;		/* empty outside TLS */
	struct server_auth auth;
	const struct start *start;
	char literal_space[PROCESS_LITERAL_MAX];
	struct stream client;
	struct content message;
};

/* decide.c: the reply to a SMTP_NEXT_CHECK_*; any other passes as it is. */
struct smtp_reply session_decide(struct session *h, struct smtp_reply question);
/* After the 220 to STARTTLS, or instead of the greeting: what is said from now on is inside TLS, or nothing is. */
void session_begin_tls(struct session *h);
/* Whether AUTH is offered depends on TLS, and on who the client is. */
void session_offer_auth(struct session *h);

/* smtp-handler.c: send what was said; the client is gone. */
void session_flush(struct session *h);
void session_lose(struct session *h, const char *why);

#endif
