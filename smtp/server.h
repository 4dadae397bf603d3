// SPDX-License-Identifier: ISC
/*
 * The server's half of an SMTP conversation (RFC 5321): one command line in, one reply out.  No
 * I/O, no clock, no allocation, no globals: the program owns the descriptors and the queue.  It
 * does what the `next` of a reply demands.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "smtp/address.h"
#include "smtp/extension.h"
#include "smtp/server_auth.h"
#include "smtp/xclient.h"

#define SMTP_COMMAND_MAX 4000	/* octets with CRLF; DSN needs 1036 (RFC 3461 section 5.4) */
#define SMTP_PARAMS_MAX  5120
#define SMTP_HELO_MAX    1024	/* longer than any name of the DNS: a name proves nothing */

/* Bits, so that a command can name all states in which it may come. */
enum smtp_state {
	SMTP_AT_START = 1,	/* before HELO or EHLO */
	SMTP_AT_READY = 2,
	SMTP_AT_MAIL = 4,	/* a reverse-path, and no accepted recipient */
	SMTP_AT_RCPT = 8,
	SMTP_AT_CHUNK = 16,	/* between two BDAT (RFC 3030 section 2) */
	SMTP_AT_BROKEN = 32,	/* DATA came between two BDAT: only RSET helps */
};

enum server_starttls {
	SMTP_STARTTLS_OFF,
	SMTP_STARTTLS_BROKEN,	/* configured without a usable certificate: not offered, 454 */
	SMTP_STARTTLS_OFFERED,
};

/* The server as its client sees it.  Constant from the first command on. */
struct server {
	struct slice hostname;
	uint64_t max_message_size;
	unsigned max_recipients, max_errors;
	unsigned max_messages;	/* in a session; 0: no limit is announced */
	/* The reason to refuse service; empty: the server works.  The greeting is 554; commands get
	 * 503 (RFC 5321 section 3.1). */
	struct slice refuse;
	bool strict;		/* [server] syntax = strict */
	bool lmtp;		/* LHLO, and one final reply for each recipient (RFC 2033) */
	bool submission;	/* add our domain to addresses without one (RFC 6409 section 6.1) */
	bool must_authenticate;	/* 530 to MAIL and VRFY before AUTH */
	bool trusted;		/* the client may send to anybody without AUTH */
	int64_t now_s;		/* unix time at the start of the session */
	bool tls;		/* this session is inside TLS */
	bool tls_required;	/* 530 to most commands outside TLS (RFC 3207 section 4) */
	enum server_starttls starttls;
	struct server_auth *auth;	/* room for an exchange; NULL: AUTH is not offered */
	bool xclient;		/* the client is a proxy that may name its own */
	bool auth_needs_tls;	/* 538 to AUTH: it is offered inside TLS only */
};

struct server_session {
	const struct server *server;
	enum smtp_state state;
	bool esmtp;			/* after EHLO, not HELO */
	bool authenticated;		/* as server->auth->user */
	unsigned errors;		/* refused commands: an accepted message forgives none */
	unsigned recipients, refused;	/* counts of this transaction */
	struct buf helo;
	enum smtp_next pending;		/* the open question: SMTP_NEXT_CHECK_* */
	struct smtp_path from;
	struct smtp_path rcpt;		/* the path of the last SMTP_NEXT_CHECK_RCPT or _VRFY */
	struct buf params;		/* parameters of the last MAIL or RCPT, for the envelope */
	enum smtp_body body;
	bool utf8;			/* the addresses may be UTF-8 (RFC 6531) */
	uint64_t declared_size;		/* SIZE=; 0: not given */
	bool held;			/* the message has a time of release (RFC 4865) */
	uint64_t chunk;			/* octets behind the last BDAT */
	bool chunk_last;
	struct buf text;		/* room for the text of a reply */
	char text_space[2048];		/* server_init() leaves alone what follows */
	char helo_space[SMTP_HELO_MAX + 1];
	char params_space[SMTP_PARAMS_MAX];
	struct smtp_xclient xclient;	/* all commands so far; empty until the first one */
};

/* The answer to a SMTP_NEXT_CHECK_*. */
enum smtp_verdict {
	SMTP_ACCEPT,
	SMTP_REFUSE_SENDER,	/* 550 5.7.1: not in [server] senders */
	SMTP_REFUSE_RELAY,	/* 550 5.7.1: a stranger, and not a domain of ours */
	SMTP_REFUSE_USER,	/* 550 5.1.1: not in the route's recipients */
	SMTP_REFUSE_ROUTE,	/* 550 5.7.1 with the text of a reject: route */
	SMTP_REFUSE_SPACE,	/* 452 4.3.1: the disk is full */
	SMTP_REFUSE_LOCAL,	/* 451 4.3.0: something here is broken */
	SMTP_REFUSE_TLS,	/* 454 4.7.0: STARTTLS without a usable certificate */
	SMTP_REFUSE_PASSWORD,	/* 535 5.7.8: AUTH with a wrong name or password */
	SMTP_REFUSE_AUTH,	/* 454 4.7.0: passwords cannot be checked now */
	SMTP_REFUSE_OWNER,	/* 553 5.7.1: not a sender address of this user */
	SMTP_REFUSE_QUOTA,	/* 450 4.7.0: the user has sent too much in this hour */
	SMTP_REFUSE_RATE,	/* 450 4.7.1: the user has had too many recipients for now */
	SMTP_REFUSE_MESSAGES,	/* 421 4.7.0: too many messages in one session; closes */
	SMTP_VERIFIED,		/* to VRFY: 250 2.1.5 <path>; SMTP_ACCEPT means 252 there */
	SMTP_REFUSE_FILTER,	/* with the filter's reply: server_refuse() */
};

/* The fate of a message after its last octet. */
enum smtp_data_result {
	SMTP_DATA_QUEUED,	/* detail: the ID */
	SMTP_DATA_TOO_BIG,	/* 552 5.3.4 */
	SMTP_DATA_SPACE,	/* 452 4.3.1 */
	SMTP_DATA_LOCAL,	/* 451 4.3.0 */
	/* 554 5.6.0: bare CR or LF.  Closes after DATA: the end of the message is uncertain. */
	SMTP_DATA_BARE,
	SMTP_DATA_LOOP,		/* 554 5.4.6: 100 Received fields */
	SMTP_DATA_LINE,		/* 554 5.6.0: a line over the limit */
	SMTP_DATA_FILTER,	/* a filter refuses it: 451 4.7.1, unless the filter has a reply */
};

void server_init(struct server_session *s, const struct server *server);
struct smtp_reply server_greeting(struct server_session *s);
/* The reply to XCLIENT, after server_init(): the greeting.  HELO and LOGIN of s->xclient hold from
 * now on. */
struct smtp_reply server_proxied(struct server_session *s);
/* 421 4.7.0: XCLIENT comes too late for the filters.  Closes. */
struct smtp_reply server_proxied_late(struct server_session *s);
/* In place of the greeting, to a client that sent a command before it.  Closes. */
struct smtp_reply server_too_early(void);

/* The longest line that may come now, in octets with CRLF. */
size_t server_line_max(const struct server_session *s);
/* Does this line belong to AUTH?  Then it may hold a password. */
bool server_line_secret(const struct server_session *s, struct slice line);
/* Take a command line without its CRLF, or a response of AUTH. */
struct smtp_reply server_command(struct server_session *s, struct slice line);
/* The reply to a line that was too long: 500 5.5.6. */
struct smtp_reply server_overlong(struct server_session *s);
/* Take the answer to the last SMTP_NEXT_CHECK_*.  why: the text for SMTP_REFUSE_ROUTE. */
struct smtp_reply server_decide(struct server_session *s, enum smtp_verdict verdict,
    struct slice why);
/* Refuse with the reply of a filter: the answer to the last SMTP_NEXT_CHECK_*, or after the 250 to
 * HELO, EHLO or LHLO. */
struct smtp_reply server_refuse(struct server_session *s, const struct smtp_reply *reply);
/* The number of replies to a message; with LMTP one for each recipient (RFC 2033 section 4.2). */
unsigned server_final_replies(const struct server_session *s);
/* The reply to a message.  It ends the transaction in any case (RFC 5321 section 4.1.1.4).  detail:
 * the ID of the message for SMTP_DATA_QUEUED. */
struct smtp_reply server_end_of_data(struct server_session *s, enum smtp_data_result result,
    struct slice detail);
/* The reply to a chunk.  SMTP_DATA_QUEUED means stored; the transaction goes on until LAST. */
struct smtp_reply server_end_of_chunk(struct server_session *s, enum smtp_data_result result,
    struct slice detail);

/* 421 4.4.2 after a silence.  Closes. */
struct smtp_reply server_timeout(struct server_session *s);
/* 421 4.3.2 before the program ends.  Closes. */
struct smtp_reply server_shutdown(struct server_session *s);

/* 421 4.3.2: a session that waits makes room for another client.  Closes. */
struct smtp_reply server_idle(struct server_session *s);
/* 421 4.7.0: the client has passed a limit for one address.  Closes. */
struct smtp_reply server_limited(struct server_session *s);
/* 421 4.3.2: another machine has adopted the queue.  Closes. */
struct smtp_reply server_elsewhere(struct server_session *s);
/* 421 4.3.1 or 4.3.0: a health check learns that the queue is full, or cannot be used.  Closes. */
struct smtp_reply server_no_queue(struct server_session *s, bool full);

/* "SMTP", "ESMTPSA", "UTF8SMTP": the with-clause of Received (RFC 3848, RFC 6531 section 3.7.3). */
struct slice server_protocol(const struct server_session *s);

#endif
