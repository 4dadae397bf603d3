// SPDX-License-Identifier: ISC
/*
 * The commands STARTTLS (RFC 3207), AUTH (RFC 4954) and XCLIENT: when they may come, and their
 * replies.  TLS, passwords and trust are not known here: the commands end in a question (enum
 * smtp_next).
 */
#include "smtp/server_commands.h"

#define ECHO_MAX 64		/* octets of a mistake that a reply repeats */

struct smtp_reply
server_starttls(struct server_session *s, struct slice arg)
{
	if (s->server->tls)
		return SMTP_REPLY(503, "5.5.1 Error: TLS already active");
	if (s->server->starttls == SMTP_STARTTLS_OFF)
		return SMTP_REPLY(502, "5.5.1 Error: command not implemented");
	if (arg.n)
		return SMTP_REPLY(501, "5.5.4 Syntax: STARTTLS");
	if (s->server->starttls == SMTP_STARTTLS_BROKEN)
		return SMTP_REPLY(454, "4.7.0 TLS not available due to local problem");
	return server_ask(s, SMTP_NEXT_CHECK_STARTTLS);
}

bool
server_auth_waits(const struct server_session *s)
{
	const struct server_auth *a = s->server->auth;

	return a && (a->step == SMTP_AUTH_PLAIN || a->step == SMTP_AUTH_USER ||
	    a->step == SMTP_AUTH_PASSWORD);
}

bool
server_line_secret(const struct server_session *s, struct slice line)
{
	return server_auth_waits(s) || slice_has_iprefix(line, SL("AUTH"));
}

/* The reply after a step of the exchange. */
static struct smtp_reply
proceed(struct server_session *s)
{
	struct server_auth *a = s->server->auth;
	const enum smtp_auth_step step = a->step;

	if (server_auth_waits(s))
		return (struct smtp_reply){ .code = 334, .text = server_auth_challenge(a) };
	if (step == SMTP_AUTH_COMPLETE)
		return server_ask(s, SMTP_NEXT_CHECK_AUTH);
	if (step == SMTP_AUTH_REFUSED)
		server_auth_forget(a);
	else
		server_auth_clear(a);
	if (step == SMTP_AUTH_CANCELLED)
		return SMTP_REPLY(501, "5.7.0 Authentication cancelled");
	if (step == SMTP_AUTH_REFUSED)
		return SMTP_REPLY(535, "5.7.8 Error: authentication failed");
	return SMTP_REPLY(501, "5.5.2 Error: malformed authentication data");
}

struct smtp_reply
server_authenticate(struct server_session *s, struct slice arg)
{
	struct slice initial, mechanism = slice_cut(arg, ' ', &initial);

	if (!s->server->auth)
		return s->server->auth_needs_tls ?
		    SMTP_REPLY(538, "5.7.11 Error: AUTH needs encryption: STARTTLS first") :
		    SMTP_REPLY(502, "5.5.1 Error: command not implemented");
	if (s->state == SMTP_AT_START || (s->server->strict && !s->esmtp))
		return SMTP_REPLY(503, "5.5.1 Error: send EHLO first");
	if (s->authenticated)
		return SMTP_REPLY(503, "5.5.1 Error: already authenticated");
	if (s->state != SMTP_AT_READY)
		return SMTP_REPLY(503, "5.5.1 Error: MAIL transaction in progress");
	if (mechanism.n == 0)
		return SMTP_REPLY(501, "5.5.4 Syntax: AUTH mechanism");
	if (!server_auth_start(s->server->auth, mechanism))
		return SMTP_REPLY(504, "5.5.4 Error: authentication mechanism not supported");
	initial = slice_trim(initial);
	if (initial.n)
		server_auth_response(s->server->auth, initial);
	return proceed(s);
}

struct smtp_reply
server_auth_line(struct server_session *s, struct slice line)
{
	server_auth_response(s->server->auth, line);
	return proceed(s);
}

struct smtp_reply
server_auth_end(struct server_session *s, bool right)
{
	struct server_auth *a = s->server->auth;

	server_auth_forget(a);
	if (!right)
		return SMTP_NO_REPLY;
	s->authenticated = true;
	return SMTP_REPLY(235, "2.7.0 Authentication successful");
}

struct smtp_reply
server_xclient(struct server_session *s, struct slice arg)
{
	struct slice bad;

	if (!s->server->xclient)
		return SMTP_REPLY(550, "5.7.0 Error: this server does not take XCLIENT from you");
	if (s->state != SMTP_AT_START && s->state != SMTP_AT_READY)
		return SMTP_REPLY(503, "5.5.1 Error: MAIL transaction in progress");
	if (smtp_xclient_take(&s->xclient, arg, &bad))
		return server_ask(s, SMTP_NEXT_CHECK_XCLIENT);
	buf_str(&s->text, "5.5.4 Error: XCLIENT takes NAME=value, and this is none: ");
	buf_add(&s->text, slice_of(bad.p, bad.n < ECHO_MAX ? bad.n : ECHO_MAX));
	return server_reply_made(s, 501);
}
