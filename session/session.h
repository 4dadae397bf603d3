// SPDX-License-Identifier: ISC
/*
 * The state of one session: the client, the configuration, the conversation, the message on its way
 * in.  Each fact is stored once, and here.
 *
 * smtp/server.h has the conversation and asks questions; session_decide() answers them.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "net/stream.h"
#include "net/tls.h"
#include "session/content.h"
#include "session/endpoint.h"
#include "session/logins.h"
#include "session/policy.h"
#include "session/record.h"
#include "session/remarks.h"
#include "session/start.h"
#include "shared/tally_link.h"

struct session {
	const struct config *config;
	const struct options *options;
	const struct start *start;
	struct peer peer;		/* the other end, or the client that a proxy header names */
	enum smtp_newlines newlines;
	int timeout_ms;			/* for one silence of the client */
	struct tls_facts tls;		/* empty outside TLS */
	enum server_starttls starttls;	/* of this program, to any client */
	struct server server;		/* what is offered to this client */
	struct server_session smtp;	/* the protocol's state */
	struct record record;
	struct remarks remarks;
	const char *end;		/* why the session is over; NULL while it is not */
	bool health_check;		/* by a balancer, which has named no client */
	bool lost;			/* no reply reaches the client any more */
	bool uncounted;			/* the mail of its user could not be counted */
	bool alone;			/* it is counted for this machine only, which is logged */
	struct tally_link tally;
	char literal_space[ENDPOINT_LITERAL_MAX];
	/* Large ones last: a session that only greets touches few pages. */
	struct stream client;		/* the connection to the client */
	struct content content;
	struct logins logins;
	struct server_auth auth;
};

/* Find out who the client is and what it is offered.  Nothing is read from it but a proxy
 * header. */
void session_begin(struct session *s, const struct start *start, const struct config *config,
    const struct options *options);

/* The reply to a SMTP_NEXT_CHECK_*; any other reply is returned as it is. */
struct smtp_reply session_decide(struct session *s, struct smtp_reply question);
/* False if another machine has the queue, which is reported. */
bool session_has_queue(struct session *s);
/* Can the queue take mail?  SMTP_ACCEPT, or SMTP_REFUSE_SPACE or SMTP_REFUSE_LOCAL, which is
 * reported. */
enum smtp_verdict session_has_room(struct session *s);
/* Enter the sandbox, unless that is done. */
void session_confine(struct session *s);
/* The handshake.  If it fails, the session is lost. */
void session_begin_tls(struct session *s);

/*
 * Receive what follows a 354 or a BDAT, store it, and find the reply.  1 with the reply and how
 * many times it is due; 0 or -errno of stream_fill() if the connection is of no use any more.
 */
int session_data(struct session *s, struct smtp_reply *ret, unsigned *ret_times);
int session_chunk(struct session *s, struct smtp_reply *ret, unsigned *ret_times);

/* Send a reply, which may wait for session_flush().  Both lose the session if the client is
 * gone. */
void session_reply(struct session *s, struct smtp_reply reply);
void session_flush(struct session *s);
void session_lose(struct session *s, const char *why);

/* May the client send to anybody: by its address, or because it has authenticated? */
static inline bool
session_trusted(const struct session *s)
{
	return s->server.trusted || s->smtp.authenticated;
}

/* The client as far as a decision depends on it. */
static inline struct policy
session_policy(const struct session *s)
{
	return (struct policy){
		.config = s->config,
		.trusted = session_trusted(s),
		.user = s->smtp.authenticated ? s->auth.user : SL(""),
		.sender = smtp_path_text(&s->smtp.from),
	};
}

#endif
