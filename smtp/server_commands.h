// SPDX-License-Identifier: ISC
/*
 * The parts of the server's half, for each other.  The arrows go down: server_session (the table of
 * commands), server_mail (a transaction), server_reply, server_security.  Private to the room.
 */
#ifndef SMTP_SERVER_COMMANDS_H
#define SMTP_SERVER_COMMANDS_H

#include <assert.h>

#include "smtp/server.h"

/* A reply with a literal text. */
#define SMTP_REPLY(number, literal) ((struct smtp_reply){ .code = (number), .text = S(literal) })
/* No reply yet: code 0. */
#define SMTP_NO_REPLY ((struct smtp_reply){ .code = 0 })

static_assert(SMTP_NEXT_COMMAND == 0, "without another word a command follows a reply");

/* A reply whose text is in s->text. */
static inline struct smtp_reply
server_reply_made(struct server_session *s, int code)
{
	return (struct smtp_reply){ .code = code, .text = buf_slice(&s->text) };
}

/* Put a question in place of a reply: server_decide() takes the answer. */
static inline struct smtp_reply
server_ask(struct server_session *s, enum smtp_next question)
{
	s->pending = question;
	return (struct smtp_reply){ .next = question };
}

/* ---- server_reply.c ---- */

/* Forget the envelope. */
void server_transaction_end(struct server_session *s);
/* 503, with the command that is missing. */
struct smtp_reply server_out_of_sequence(const struct server_session *s);
/* Count r as an error of the client if it is one.  Return r, or 421 after too many errors. */
struct smtp_reply server_budget(struct server_session *s, struct smtp_reply r);

/* ---- server_mail.c ---- */

struct smtp_reply server_mail(struct server_session *s, struct slice arg);
struct smtp_reply server_rcpt(struct server_session *s, struct slice arg);
struct smtp_reply server_data(struct server_session *s, struct slice arg);
struct smtp_reply server_bdat(struct server_session *s, struct slice arg);

/* ---- server_security.c ---- */

struct smtp_reply server_starttls(struct server_session *s, struct slice arg);
struct smtp_reply server_authenticate(struct server_session *s, struct slice arg);
struct smtp_reply server_xclient(struct server_session *s, struct slice arg);
/* Is the next line a response of AUTH? */
bool server_auth_waits(const struct server_session *s);
struct smtp_reply server_auth_line(struct server_session *s, struct slice line);
/* End the exchange; right: the name and the password were right. */
struct smtp_reply server_auth_end(struct server_session *s, bool right);

#endif
