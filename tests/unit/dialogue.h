// SPDX-License-Identifier: ISC
/*
 * Dialogues with a session, as tables: a line, a verdict of the program around it, the whole reply.
 */
#ifndef TESTS_UNIT_DIALOGUE_H
#define TESTS_UNIT_DIALOGUE_H

#include "smtp/server.h"
#include "tests/lib/tap.h"

#define MAX_SIZE    10000
#define MAX_RCPT    3
#define MAX_ERRORS  20
#define EHLO_MOST \
	"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 10000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n" \
	"250-ENHANCEDSTATUSCODES\r\n" \
	"250-CHUNKING\r\n250-BINARYMIME\r\n250-DSN\r\n250-MT-PRIORITY\r\n250-DELIVERBY\r\n"
#define EHLO_LIMITS "LIMITS RCPTMAX=3"
#define EHLO_REPLY  EHLO_MOST "250 " EHLO_LIMITS

/* A line and its reply.  The session stays open. */
#define STEP(text, reply) { .line = S(text), .want = (reply) }
/* A line, the verdict on it, and its reply.  The session stays open. */
#define JUDGED(text, found, reply) { .line = S(text), .verdict = (found), .want = (reply) }
/* A line and its reply.  The session closes. */
#define CLOSING(text, reply) { .line = S(text), .want = (reply), .close = true }

#define EHLO STEP("EHLO c.example", EHLO_REPLY)
#define MAIL STEP("MAIL FROM:<a@b.example>", "250 2.1.0 Ok")
#define RCPT STEP("RCPT TO:<u@d.example>", "250 2.1.5 Ok")
#define DATA STEP("DATA", "354 End data with <CR><LF>.<CR><LF>")
/* Not a command: the end of the content. */
#define DOT STEP(".", "250 2.0.0 Ok: queued as ID1")

enum {
	SECURE_STARTTLS = 1,
	SECURE_REQUIRED = 2,
	SECURE_TLS = 4,
	SECURE_AUTH = 8,
	SECURE_NEEDS_TLS = 16,
	SECURE_BROKEN = 32
};

struct step {
	struct slice line;		/* the first without one ends the dialogue */
	const char *want;		/* without the last CRLF */
	int verdict;			/* enum smtp_verdict, or smtp_data_result for the dot */
	bool close;
};

struct dialogue {
	const char *name;
	bool strict;
	unsigned secure;		/* SECURE_* */
	struct step steps[10];
};

__attribute__((unused)) static struct smtp_reply
answer(struct server_session *s, const struct step *step)
{
	struct smtp_reply r;

	if (slice_eq(step->line, SL(".")))
		return server_end_of_data(s, (enum smtp_data_result)step->verdict, SL("ID1"));
	r = server_command(s, step->line);
	if (r.next == SMTP_NEXT_CHUNK)
		return server_end_of_chunk(s, (enum smtp_data_result)step->verdict, SL("ID1"));
	if (r.next == SMTP_NEXT_CHECK_MAIL || r.next == SMTP_NEXT_CHECK_RCPT ||
	    r.next == SMTP_NEXT_CHECK_VRFY || r.next == SMTP_NEXT_CHECK_DATA ||
	    r.next == SMTP_NEXT_CHECK_STARTTLS || r.next == SMTP_NEXT_CHECK_AUTH)
		r = server_decide(s, (enum smtp_verdict)step->verdict, SL("go away"));
	return r;
}

/* Two tests for each step: the reply, and whether the session is closed. */
__attribute__((unused)) static void
play(const struct dialogue *d)
{
	const unsigned secure = d->secure;
	struct server server = { .hostname = S("mx.example"), .max_message_size = MAX_SIZE,
		.max_recipients = MAX_RCPT, .max_errors = MAX_ERRORS, .strict = d->strict,
		.tls = secure & SECURE_TLS, .tls_required = secure & SECURE_REQUIRED,
		.auth_needs_tls = secure & SECURE_NEEDS_TLS };
	static struct server_auth auth;
	struct server_session s;

	server_auth_clear(&auth);
	server.auth = secure & SECURE_AUTH ? &auth : NULL;
	server.starttls = secure & SECURE_BROKEN ? SMTP_STARTTLS_BROKEN :
	    secure & SECURE_STARTTLS ? SMTP_STARTTLS_OFFERED : SMTP_STARTTLS_OFF;
	server_init(&s, &server);
	for (size_t i = 0; i < sizeof d->steps / sizeof d->steps[0] && d->steps[i].want; i++) {
		const struct step *step = &d->steps[i];
		struct smtp_reply r = answer(&s, step);
		char space[4096];
		struct buf b = BUF(space);

		smtp_reply_format(&b, &r);
		b.n -= 2;
		is(buf_slice(&b), slice_str(step->want), d->name);
		ok((r.next == SMTP_NEXT_CLOSE) == step->close, "%s after step %zu",
		    step->close ? "it closes" : "it stays open", i + 1);
	}
}

#endif
