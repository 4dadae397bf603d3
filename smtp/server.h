// SPDX-License-Identifier: ISC
/*
 * The server's half of an SMTP conversation (RFC 5321): one command line in, one
 * reply out.  No I/O, no clock, no allocation, no globals: smtp-handler.c owns
 * the descriptors and the queue, and does what the reply's `next` says.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "smtp/address.h"
#include "smtp/extension.h"
#include "smtp/server_auth.h"

#define SMTP_COMMAND_MAX 2048	/* octets with CRLF: RCPT with DSN is 1036 (RFC 3461 section 5.4), and some room */
#define SMTP_PARAMS_MAX  1024
#define SMTP_HELO_MAX    255

enum smtp_state {		/* bits, so that a command can name where it is legal */
	SMTP_AT_START = 1,	/* neither HELO nor EHLO yet */
	SMTP_AT_READY = 2,
	SMTP_AT_MAIL = 4,	/* a reverse-path, no recipient accepted */
	SMTP_AT_RCPT = 8,
	SMTP_AT_CHUNK = 16,	/* between BDAT and its LAST (RFC 3030 section 2) */
	SMTP_AT_BROKEN = 32,	/* DATA came then: only RSET mends that */
};

enum server_starttls {
	SMTP_STARTTLS_OFF,
	SMTP_STARTTLS_BROKEN,	/* configured, but no certificate that can be used: not offered, 454 */
	SMTP_STARTTLS_OFFERED,
};

/* What the server is and offers; filled in by the main before the first command, then constant. */
struct server {
	struct slice hostname;
	uint64_t max_message_size;
	unsigned max_recipients, max_errors;
	unsigned max_messages;	/* of the session; 0: no limit is told */
	struct slice refuse;	/* no service, and why (RFC 5321 section 3.1): 554, then 503 to all but QUIT; empty: none of that */
	bool strict;		/* [server] syntax = strict */
	bool lmtp;		/* LHLO in place of HELO and EHLO, and a reply per recipient (RFC 2033) */
	bool submission;	/* addresses without a domain get ours (RFC 6409 section 6.1) */
	bool must_authenticate;	/* 530 to MAIL and VRFY of those who have not */
	bool trusted;		/* may hand in mail for anybody without AUTH */
	int64_t now_s;		/* unix, when the session began */
	bool tls;		/* this session is inside TLS */
	bool tls_required;	/* 530 to nearly all where it is not (RFC 3207 section 4) */
	enum server_starttls starttls;
	struct server_auth *auth;	/* room for an exchange: AUTH is offered; NULL: it is not */
	bool auth_needs_tls;	/* AUTH would be offered inside TLS: 538 */
};

struct server_session {
	const struct server *server;
	enum smtp_state state;
	bool esmtp;			/* EHLO, not HELO */
	bool authenticated;		/* as server->auth->user */
	unsigned errors;		/* rejected commands since the last message that was accepted */
	unsigned recipients, refused;	/* of this transaction */
	struct buf helo;
	enum smtp_next pending;		/* the SMTP_NEXT_CHECK_* that waits for server_decide() */
	struct smtp_path from;
	struct smtp_path rcpt;		/* the path the last SMTP_NEXT_CHECK_RCPT or _VRFY asks about */
	struct buf params;		/* of the last MAIL or RCPT that was parsed, as the envelope keeps them */
	enum smtp_body body;
	bool utf8;			/* SMTPUTF8 was asked for (RFC 6531) */
	uint64_t declared_size;		/* SIZE=, 0 when none */
	bool held;			/* HOLDFOR or HOLDUNTIL was given */
	uint64_t chunk;			/* octets that follow a BDAT */
	bool chunk_last;
	char helo_space[SMTP_HELO_MAX + 1];
	char params_space[SMTP_PARAMS_MAX];
	struct buf text;		/* room for replies that are made up */
	char text_space[2048];
};

/* What the main found out for a SMTP_NEXT_CHECK_*. */
enum smtp_verdict {
	SMTP_ACCEPT,
	SMTP_REFUSE_SENDER,	/* 550 5.7.1: not in [server] senders */
	SMTP_REFUSE_RELAY,	/* 550 5.7.1: not trusted, and not our domain */
	SMTP_REFUSE_USER,	/* 550 5.1.1: not in the route's recipients */
	SMTP_REFUSE_ROUTE,	/* 550 5.7.1 with the text in `why`: a reject: route */
	SMTP_REFUSE_SPACE,	/* 452 4.3.1: the disk is full */
	SMTP_REFUSE_LOCAL,	/* 451 4.3.0: something here is broken */
	SMTP_REFUSE_TLS,	/* 454 4.7.0: STARTTLS without a usable certificate */
	SMTP_REFUSE_PASSWORD,	/* 535 5.7.8: AUTH with a wrong name or password */
	SMTP_REFUSE_AUTH,	/* 454 4.7.0: who is who cannot be found out now */
	SMTP_REFUSE_OWNER,	/* 553 5.7.1: not an address this authenticated user may send from */
	SMTP_REFUSE_MESSAGES,	/* 421 4.7.0: enough for one session; closes */
	SMTP_VERIFIED,		/* VRFY: 250 2.1.5 <path>; SMTP_ACCEPT there means 252: cannot tell */
};

/* What became of the message after its final dot. */
enum smtp_data_result {
	SMTP_DATA_QUEUED,	/* detail: the ID */
	SMTP_DATA_TOO_BIG,	/* 552 5.3.4 */
	SMTP_DATA_SPACE,	/* 452 4.3.1 */
	SMTP_DATA_LOCAL,	/* 451 4.3.0 */
	SMTP_DATA_BARE,		/* 554 5.6.0: bare CR or LF; closes, as nobody knows where the message ends (but with BDAT) */
	SMTP_DATA_LOOP,		/* 554 5.4.6: 100 Received fields */
	SMTP_DATA_LINE,		/* 554 5.6.0: a line over the cap */
};

void server_init(struct server_session *s, const struct server *server);
struct smtp_reply server_greeting(struct server_session *s);
/* Instead of it for a client that has not waited for it: then close. */
struct smtp_reply server_too_early(void);

/* How long the next line may be, with CRLF. */
size_t server_line_max(const struct server_session *s);
/* Is this line part of AUTH?  Then it may hold a password. */
bool server_line_secret(const struct server_session *s, struct slice line);
/* A command line without its CRLF, or a response of AUTH. */
struct smtp_reply server_command(struct server_session *s, struct slice line);
/* A line that was too long: answered with 500 5.5.6, its tail already thrown away. */
struct smtp_reply server_overlong(struct server_session *s);
/* The answer to the last SMTP_NEXT_CHECK_*. `why` is used by SMTP_REFUSE_ROUTE only. */
struct smtp_reply server_decide(struct server_session *s, enum smtp_verdict verdict, struct slice why);
/* How many replies the message gets after its end: with LMTP one for each recipient (RFC 2033 section 4.2). */
unsigned server_final_replies(const struct server_session *s);
/* The reply to the message; the transaction is over whatever the result (RFC 5321 section 4.1.1.4). */
struct smtp_reply server_end_of_data(struct server_session *s, enum smtp_data_result result, struct slice detail);
/* The same for what a BDAT announced: SMTP_DATA_QUEUED means stored, and unless it was the last the transaction goes on. */
struct smtp_reply server_end_of_chunk(struct server_session *s, enum smtp_data_result result, struct slice detail);

/* 421 4.4.2 for silence, 421 4.3.2 for shutdown: then close. */
struct smtp_reply server_timeout(struct server_session *s);
struct smtp_reply server_shutdown(struct server_session *s);

/* "SMTP", "ESMTPSA", "UTF8SMTP": the with-clause of Received (RFC 3848, RFC 6531 section 3.7.3). */
struct slice server_protocol(const struct server_session *s);

#endif
