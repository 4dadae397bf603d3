// SPDX-License-Identifier: ISC
/*
 * A session as the main holds it: smtp-handler.c has the conversation, decide.c what the conversation cannot
 * know by itself.  Both are the main.
 */
#ifndef SERVER_HANDLER_H
#define SERVER_HANDLER_H

#include "net/stream.h"
#include "net/tls.h"
#include "server/message.h"
#include "server/policy.h"
#include "server/record.h"
#include "server/start.h"
#include "server/trace.h"

struct handler {
	const struct config *config;
	const struct options *options;
	struct peer peer;
	struct policy policy;
	struct smtp_server server;
	struct smtp_session session;
	struct record record;
	enum smtp_newlines newlines;
	int timeout_ms;
	const char *end;		/* why the session is over; NULL while it is not */
	bool lost;			/* replies get through no more */
	struct tls_facts tls;		/* empty outside TLS */
	struct smtp_auth auth;
	const struct start *start;
	char literal_space[TRACE_LITERAL_MAX];
	struct stream client;
	struct message message;
};

/* decide.c: the reply to a SMTP_NEXT_CHECK_*; any other passes as it is. */
struct smtp_reply handler_decide(struct handler *h, struct smtp_reply question);
/* After the 220 to STARTTLS, or instead of the greeting: what is said from now on is inside TLS, or nothing is. */
void handler_begin_tls(struct handler *h);
/* Whether AUTH is offered depends on TLS, and on who the client is. */
void handler_offer_auth(struct handler *h);

/* smtp-handler.c: send what was said; the client is gone. */
void handler_flush(struct handler *h);
void handler_lose(struct handler *h, const char *why);

#endif
