// SPDX-License-Identifier: ISC
/*
 * What the files of the session share: session.c (dispatch), mail_rcpt.c (MAIL, RCPT), params.c, extensions.c, bdat.c, secure.c
 * (STARTTLS, AUTH), verdict.c (verdicts and ends).  Nobody else includes this.
 */
#ifndef SMTP_COMMANDS_H
#define SMTP_COMMANDS_H

#include <assert.h>

#include "smtp/session.h"

/* A reply with a literal text; none yet; one to ask the main first. */
#define SMTP_REPLY(number, literal) ((struct smtp_reply){ .code = (number), .text = S(literal) })
#define SMTP_NO_REPLY ((struct smtp_reply){ .code = 0 })

static_assert(SMTP_NEXT_COMMAND == 0, "a reply is followed by a command unless it says otherwise");

/* The reply whose text was put together in s->text. */
static inline struct smtp_reply
smtp_reply_made(struct smtp_session *s, int code)
{
	return (struct smtp_reply){ .code = code, .text = buf_slice(&s->text) };
}

/* Leave the answer to the main: smtp_decide() brings it back. */
static inline struct smtp_reply
smtp_ask(struct smtp_session *s, enum smtp_next question)
{
	s->pending = question;
	return (struct smtp_reply){ .next = question };
}

/* Forget the envelope. */
void smtp_transaction_end(struct smtp_session *s);

/* Charge a refusal to the session's budget of errors: r itself, or 421 and the end. */
struct smtp_reply smtp_budget(struct smtp_session *s, struct smtp_reply r);

struct smtp_reply smtp_mail(struct smtp_session *s, struct slice arg);
struct smtp_reply smtp_rcpt(struct smtp_session *s, struct slice arg);
struct smtp_reply smtp_bdat(struct smtp_session *s, struct slice arg);

/* 503, and what is missing. */
struct smtp_reply smtp_out_of_sequence(const struct smtp_session *s);

struct smtp_reply smtp_starttls(struct smtp_session *s, struct slice arg);
struct smtp_reply smtp_auth(struct smtp_session *s, struct slice arg);
/* Does an exchange of AUTH wait for its next response?  Then this line is it. */
bool smtp_auth_waits(const struct smtp_session *s);
struct smtp_reply smtp_auth_line(struct smtp_session *s, struct slice line);
/* Whether name and password were right. */
struct smtp_reply smtp_auth_end(struct smtp_session *s, bool right);
/* The lines of the EHLO reply: all others, then those. */
void smtp_extensions_ehlo(struct smtp_session *s);
void smtp_secure_ehlo(struct smtp_session *s);

#endif
