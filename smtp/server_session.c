// SPDX-License-Identifier: ISC
/*
 * The server's half of an SMTP conversation (RFC 5321): the table of commands, which has the states
 * that allow each, and the commands that have no file of their own.
 */
#include "smtp/server.h"

#include <assert.h>

#include "smtp/server_commands.h"

static_assert(SMTP_HELO_MAX >= SMTP_DOMAIN_MAX, "an EHLO name of legal length is kept whole");
static_assert(sizeof(((struct server_session *)0)->text_space) >= SMTP_DOMAIN_MAX + SMTP_REPLY_LINE,
    "the EHLO reply, and a reply line with a path in it");

enum {
	IN_TRANSACTION = SMTP_AT_MAIL | SMTP_AT_RCPT | SMTP_AT_CHUNK | SMTP_AT_BROKEN,
	ANYWHERE = SMTP_AT_START | SMTP_AT_READY | IN_TRANSACTION,
};

enum arg { NO_ARG, MAY_ARG, MUST_ARG };

enum {				/* or'ed */
	SMTP_ONLY = 1,		/* unknown in LMTP (RFC 2033 section 4.1) */
	LMTP_ONLY = 2,
	IN_CLEAR = 4,		/* needs no TLS where TLS is required (RFC 3207 section 4) */
	OWN_SYNTAX = 8,		/* replies to a malformed argument itself, with a better text */
	LONG_LINE = 16,		/* may be longer than SMTP_COMMAND_MAX */
	NO_HELLO = 32,		/* needs no HELO or EHLO in a tolerant session */
};

struct command {
	struct slice verb;
	unsigned legal;			/* the states in which it may come */
	enum arg arg;
	struct slice syntax;		/* behind the verb; without it, HELP skips the command */
	struct smtp_reply (*run)(struct server_session *, struct slice arg);
	unsigned flags;
};

static const struct command *find(const struct server_session *s, struct slice verb);
static struct smtp_reply syntax_of(struct server_session *s, const struct command *c, int code);

void
server_init(struct server_session *s, const struct server *server)
{
	/* Only the members: clearing all would touch pages that many sessions never use. */
	memset(s, 0, offsetof(struct server_session, text_space));
	s->server = server;
	s->state = SMTP_AT_START;
	s->helo = (struct buf)BUF(s->helo_space);
	s->params = (struct buf)BUF(s->params_space);
	s->text = (struct buf)BUF(s->text_space);
}

struct smtp_reply
server_greeting(struct server_session *s)
{
	buf_add(&s->text, s->server->hostname);
	if (s->server->refuse.n) {
		buf_chr(&s->text, ' ');
		buf_add(&s->text, s->server->refuse);
		return server_reply_made(s, 554);
	}
	buf_str(&s->text, s->server->lmtp ? " LMTP smtp-handler" : " ESMTP smtp-handler");
	return server_reply_made(s, 220);
}

struct smtp_reply
server_proxied(struct server_session *s)
{
	const struct smtp_xclient *x = &s->xclient;

	s->authenticated = smtp_xclient_knows(x, SMTP_XCLIENT_LOGIN);
	if (smtp_xclient_knows(x, SMTP_XCLIENT_HELO)) {
		s->state = SMTP_AT_READY;
		s->esmtp = !x->plain;
		buf_add(&s->helo, smtp_xclient_text(x, SMTP_XCLIENT_HELO));
	}
	return server_greeting(s);
}

/* HELO, EHLO, LHLO.  The name of another host is not a reason to refuse (RFC 5321 section
 * 4.1.4). */
static bool
hello(struct server_session *s, struct slice name, bool esmtp)
{
	if (name.n > SMTP_HELO_MAX || !smtp_domain_valid(name, s->server->strict))
		return false;
	server_transaction_end(s);
	s->state = SMTP_AT_READY;
	s->esmtp = esmtp;
	s->helo.n = 0;
	buf_add(&s->helo, name);
	buf_add(&s->text, s->server->hostname);
	return true;
}

static struct smtp_reply
helo(struct server_session *s, struct slice arg)
{
	if (!hello(s, arg, false))
		return SMTP_REPLY(501, "5.5.4 Error: invalid host name");
	return server_reply_made(s, 250);
}

static struct smtp_reply
ehlo(struct server_session *s, struct slice arg)
{
	if (!hello(s, arg, true))
		return SMTP_REPLY(501, "5.5.4 Error: invalid host name");
	smtp_extension_put_all(&s->text, s);
	return server_reply_made(s, 250);
}

static struct smtp_reply
rset(struct server_session *s, struct slice arg)
{
	(void)arg;
	server_transaction_end(s);
	return SMTP_REPLY(250, "2.0.0 Ok");
}

static struct smtp_reply
noop(struct server_session *s, struct slice arg)
{
	(void)s;
	(void)arg;
	return SMTP_REPLY(250, "2.0.0 Ok");
}

static struct smtp_reply
quit(struct server_session *s, struct slice arg)
{
	struct smtp_reply bye = SMTP_REPLY(221, "2.0.0 Bye");

	(void)arg;
	server_transaction_end(s);
	bye.next = SMTP_NEXT_CLOSE;
	return bye;
}

static struct smtp_reply
vrfy(struct server_session *s, struct slice arg)
{
	unsigned flags = SMTP_PATH_TOLERANT | SMTP_PATH_NO_DOMAIN | SMTP_PATH_LOCAL_ONLY;
	const struct slice utf8 = smtp_extension(SMTP_EXT_SMTPUTF8)->keyword;
	struct slice rest;

	if (s->server->must_authenticate && !s->authenticated)
		return SMTP_REPLY(530, "5.7.0 Error: authentication required");
	if (smtp_path_parse(arg, flags, &s->rcpt, &rest) == SMTP_PATH_OK) {
		if (s->rcpt.utf8 && rest.n == 0)
			return SMTP_REPLY(553, "5.6.7 Error: address is not ASCII");
		if (rest.n == 0 || slice_ieq(slice_trim(rest), utf8))	/* RFC 6531 section 3.7.4 */
			return server_ask(s, SMTP_NEXT_CHECK_VRFY);
	}
	/* It may be the name of a person (RFC 5321 section 3.5.1). */
	return SMTP_REPLY(252, "2.0.0 Cannot VRFY that");
}

static struct smtp_reply
help(struct server_session *s, struct slice arg)
{
	const struct command *c = find(s, arg);

	if (c && c->syntax.p)
		return syntax_of(s, c, 214);
	buf_str(&s->text, s->server->lmtp ? "2.0.0 Commands: LHLO" : "2.0.0 Commands: HELO EHLO");
	buf_str(&s->text, " MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP\n"
	    "2.0.0 HELP COMMAND shows how one is written");
	return server_reply_made(s, 214);
}

static struct smtp_reply
not_implemented(struct server_session *s, struct slice arg)
{
	(void)s;
	(void)arg;
	return SMTP_REPLY(502, "5.5.1 Error: command not implemented");
}

/* A browser, or a request smuggled through one: the lines behind it are not SMTP either. */
static struct smtp_reply
not_smtp(struct server_session *s, struct slice arg)
{
	struct smtp_reply r = SMTP_REPLY(500, "5.5.1 Error: this is SMTP, not HTTP");

	(void)s;
	(void)arg;
	r.next = SMTP_NEXT_CLOSE;
	return r;
}

/* A balancer that is not in proxy-trusted: its client's commands would count as the balancer's. */
static struct smtp_reply
not_balancer(struct server_session *s, struct slice arg)
{
	struct smtp_reply r = SMTP_REPLY(500,
	    "5.5.1 Error: this server does not take a PROXY header from you");

	(void)s;
	(void)arg;
	r.next = SMTP_NEXT_CLOSE;
	return r;
}

static const struct command commands[] = {
	{ S("HELO"), ANYWHERE, MUST_ARG, S(" hostname"), helo, SMTP_ONLY },
	{ S("EHLO"), ANYWHERE, MUST_ARG, S(" hostname"), ehlo, SMTP_ONLY | IN_CLEAR },
	{ S("LHLO"), ANYWHERE, MUST_ARG, S(" hostname"), ehlo, LMTP_ONLY | IN_CLEAR },
	{ S("MAIL"), SMTP_AT_READY, MUST_ARG, S(" FROM:<address>"), server_mail,
	    OWN_SYNTAX | NO_HELLO },
	{ S("RCPT"), SMTP_AT_MAIL | SMTP_AT_RCPT, MUST_ARG, S(" TO:<address>"), server_rcpt,
	    OWN_SYNTAX },
	{ S("DATA"), SMTP_AT_MAIL | SMTP_AT_RCPT | SMTP_AT_CHUNK, NO_ARG, S(""), server_data, 0 },
	{ S("BDAT"), ANYWHERE, MAY_ARG, S(" octets [LAST]"), server_bdat, OWN_SYNTAX | IN_CLEAR },
	{ S("RSET"), ANYWHERE, NO_ARG, S(""), rset, 0 },
	{ S("NOOP"), ANYWHERE, MAY_ARG, S(" [anything]"), noop, IN_CLEAR },
	{ S("QUIT"), ANYWHERE, NO_ARG, S(""), quit, IN_CLEAR },
	{ S("VRFY"), ANYWHERE, MUST_ARG, S(" address"), vrfy, 0 },
	{ S("HELP"), ANYWHERE, MAY_ARG, S(" [command]"), help, 0 },
	{ S("STARTTLS"), ANYWHERE, MAY_ARG, { 0 }, server_starttls, IN_CLEAR },
	{ S("AUTH"), ANYWHERE, MAY_ARG, { 0 }, server_authenticate, LONG_LINE },
	{ S("XCLIENT"), ANYWHERE, MAY_ARG, { 0 }, server_xclient, 0 },
	/* Known, so that the reply is 502 and not 500 (RFC 5321 section 4.2.4). */
	{ S("EXPN"), ANYWHERE, MAY_ARG, { 0 }, not_implemented, 0 },
	{ S("TURN"), ANYWHERE, MAY_ARG, { 0 }, not_implemented, 0 },
	{ S("ETRN"), ANYWHERE, MAY_ARG, { 0 }, not_implemented, 0 },
	{ S("SEND"), ANYWHERE, MAY_ARG, { 0 }, not_implemented, 0 },
	{ S("SOML"), ANYWHERE, MAY_ARG, { 0 }, not_implemented, 0 },
	{ S("SAML"), ANYWHERE, MAY_ARG, { 0 }, not_implemented, 0 },
	{ S("GET"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("POST"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("PUT"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("HEAD"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("DELETE"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("OPTIONS"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("CONNECT"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },
	{ S("PROXY"), ANYWHERE, MAY_ARG, { 0 }, not_balancer, 0 },
	{ S("PRI"), ANYWHERE, MAY_ARG, { 0 }, not_smtp, IN_CLEAR },	/* HTTP/2 */
};

static const struct command *
find(const struct server_session *s, struct slice verb)
{
	const struct command *c = commands, *end = commands + sizeof commands / sizeof commands[0];

	while (c < end && !slice_ieq(verb, c->verb))
		c++;
	return c == end || c->flags & (s->server->lmtp ? SMTP_ONLY : LMTP_ONLY) ? NULL : c;
}

static struct smtp_reply
syntax_of(struct server_session *s, const struct command *c, int code)
{
	buf_str(&s->text, code == 214 ? "2.0.0 Syntax: " : "5.5.4 Syntax: ");
	buf_add(&s->text, c->verb);
	buf_add(&s->text, c->syntax);
	return server_reply_made(s, code);
}

/* May the command come now? */
static bool
is_legal(const struct server_session *s, const struct command *c)
{
	const bool tolerant = !s->server->strict && !s->server->lmtp;

	return s->state & c->legal ||
	       (s->state == SMTP_AT_START && tolerant && c->flags & NO_HELLO);
}

static struct smtp_reply
dispatch(struct server_session *s, struct slice line)
{
	const struct command *c;
	struct slice verb, arg;
	size_t n = 0;

	while (line.n && ascii_blank(line.p[line.n - 1]))
		line.n--;
	while (n < line.n && !ascii_blank(line.p[n]))
		n++;
	verb = slice_of(line.p, n);
	arg = slice_trim(slice_skip(line, n));
	c = find(s, verb);
	if (verb.n == 0 || (slice_has_control(line) && !(c && c->flags & OWN_SYNTAX)))
		return SMTP_REPLY(500, "5.5.2 Error: bad syntax");
	if (s->server->refuse.n && (!c || c->run != quit || arg.n)) {
		buf_str(&s->text, "5.3.2 Error: ");
		buf_add(&s->text, s->server->refuse);
		return server_reply_made(s, 503);
	}
	if (!c)
		return SMTP_REPLY(500, "5.5.1 Error: command not recognized");
	if (s->server->tls_required && !s->server->tls && !(c->flags & IN_CLEAR))
		return SMTP_REPLY(530, "5.7.0 Error: must issue a STARTTLS command first");
	if (line.n + 2 > SMTP_COMMAND_MAX && !(c->flags & LONG_LINE))
		return SMTP_REPLY(500, "5.5.6 Error: line too long");
	if (c->arg == NO_ARG && arg.n)
		return syntax_of(s, c, 501);
	if (!is_legal(s, c))
		return server_out_of_sequence(s);
	if (c->arg == MUST_ARG && arg.n == 0)
		return syntax_of(s, c, 501);
	return c->run(s, arg);
}

struct smtp_reply
server_command(struct server_session *s, struct slice line)
{
	s->text = (struct buf)BUF(s->text_space);
	s->pending = SMTP_NEXT_COMMAND;
	return server_budget(s,
	    server_auth_waits(s) ? server_auth_line(s, line) : dispatch(s, line));
}

size_t
server_line_max(const struct server_session *s)
{
	return s->server->auth ? SMTP_AUTH_LINE : SMTP_COMMAND_MAX;
}

struct smtp_reply
server_overlong(struct server_session *s)
{
	s->pending = SMTP_NEXT_COMMAND;
	if (server_auth_waits(s))
		server_auth_clear(s->server->auth);
	return server_budget(s, SMTP_REPLY(500, "5.5.6 Error: line too long"));
}

struct slice
server_protocol(const struct server_session *s)
{
	static const struct slice names[] = {	/* by four bits: LMTP, UTF-8, TLS, AUTH */
		S("ESMTP"), S("ESMTPA"), S("ESMTPS"), S("ESMTPSA"),
		S("UTF8SMTP"), S("UTF8SMTPA"), S("UTF8SMTPS"), S("UTF8SMTPSA"),
		S("LMTP"), S("LMTPA"), S("LMTPS"), S("LMTPSA"),
		S("UTF8LMTP"), S("UTF8LMTPA"), S("UTF8LMTPS"), S("UTF8LMTPSA"),
	};

	if (!s->esmtp && !s->utf8)
		return SL("SMTP");
	return names[(s->server->lmtp ? 8 : 0) + (s->utf8 ? 4 : 0) + (s->server->tls ? 2 : 0) +
	    (s->authenticated ? 1 : 0)];
}
