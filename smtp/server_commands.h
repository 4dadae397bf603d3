// SPDX-License-Identifier: ISC
/*
 * What the files of the session share: session.c (dispatch), mail_rcpt.c (MAIL, RCPT), params.c, extensions.c, bdat.c, secure.c
 * (STARTTLS, AUTH), verdict.c (verdicts and ends).  Nobody else includes this.
 */
#ifndef SMTP_SERVER_COMMANDS_H
#define SMTP_SERVER_COMMANDS_H

#include <assert.h>

#include "smtp/server.h"

/* A reply with a literal text; none yet; one to ask the main first. */
#define SMTP_REPLY(number, literal) ((struct smtp_reply){ .code = (number), .text = S(literal) })
#define SMTP_NO_REPLY ((struct smtp_reply){ .code = 0 })

static_assert(SMTP_NEXT_COMMAND == 0, "a reply is followed by a command unless it says otherwise");

/* The reply whose text was put together in s->text. */
static inline struct smtp_reply
smtp_reply_made(struct server_session *s, int code)
{
	return (struct smtp_reply){ .code = code, .text = buf_slice(&s->text) };
}

/* Leave the answer to the main: server_decide() brings it back. */
static inline struct smtp_reply
smtp_ask(struct server_session *s, enum smtp_next question)
{
	s->pending = question;
	return (struct smtp_reply){ .next = question };
}

/* Forget the envelope. */
void server_transaction_end(struct server_session *s);

/* Charge a refusal to the session's budget of errors: r itself, or 421 and the end. */
struct smtp_reply server_budget(struct server_session *s, struct smtp_reply r);

struct smtp_reply server_mail(struct server_session *s, struct slice arg);
struct smtp_reply server_rcpt(struct server_session *s, struct slice arg);
struct smtp_reply server_bdat(struct server_session *s, struct slice arg);

/* 503, and what is missing. */
struct smtp_reply server_out_of_sequence(const struct server_session *s);

struct smtp_reply server_starttls(struct server_session *s, struct slice arg);
struct smtp_reply smtp_auth(struct server_session *s, struct slice arg);
/* Does an exchange of AUTH wait for its next response?  Then this line is it. */
bool server_auth_waits(const struct server_session *s);
struct smtp_reply server_auth_line(struct server_session *s, struct slice line);
/* Whether name and password were right. */
struct smtp_reply server_auth_end(struct server_session *s, bool right);
/* The lines of the EHLO reply: all others, then those. */
void server_ehlo_extensions(struct server_session *s);
void server_ehlo_security(struct server_session *s);

#endif
