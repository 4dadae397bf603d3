// SPDX-License-Identifier: ISC
/*
 * The login: it reads the secret, sends the lines of smtp/client_auth and turns a refusal into an
 * outcome.  The secret is sent only if nobody else can read it, kept out of all records, and wiped
 * from memory.  It does not decide how long a refused route is frozen.
 */
#include "client/auth.h"

#include <sys/socket.h>

#include "base/cidr.h"
#include "client/credential.h"
#include "client/secrets.h"

__attribute__((format(printf, 4, 5))) static enum greet_result
cannot(struct smtp_link *l, const struct route *r, struct outcome *ret_why, const char *format, ...)
{
	char text[OUTCOME_DETAIL], space[OUTCOME_DETAIL];
	struct buf b = BUF(space);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	buf_fmt(&b, "cannot log in as %.100s: ", r->user);
	buf_add(&b, slice_of(text, strnlen(text, b.cap - b.n)));
	outcome_set(ret_why, CAUSE_LOGIN, slice_str(l->host), buf_slice(&b));
	return GREET_LOGIN;
}

/* The peer is this machine: no wire is in between. */
static bool
is_loopback(const struct smtp_link *l)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;

	return getpeername(l->fd, (struct sockaddr *)&ss, &len) == 0 && address_is_loopback(&ss);
}

/* So many characters of a response, or of a password, do not appear in a reply by chance. */
#define TELLING 8
#define TELLING_SECRET 4

static bool
holds(struct slice text, struct slice part)
{
	return part.n && text.n >= part.n && memmem(text.p, text.n, part.p, part.n);
}

/* Some servers repeat a command that they refuse: such a reply may hold the secret. */
static void
hide_echo(struct smtp_link *l, const struct client_auth *g, struct slice line)
{
	struct buf *text = &l->reply.text;
	struct slice words = line, rest;

	if (slice_has_prefix(line, SL("AUTH ")))
		(void)slice_cut(slice_skip(line, 5), ' ', &words);
	words = slice_cut(words, '\r', &rest);
	if (words.n > TELLING)
		words.n = TELLING;
	if (!(g->secret.n >= TELLING_SECRET && holds(buf_slice(text), g->secret)) &&
	    !(words.n == TELLING && holds(buf_slice(text), words)))
		return;
	explicit_bzero(l->reply.space, sizeof l->reply.space);
	*text = (struct buf)BUF(l->reply.space);
	buf_str(text, "(the reply repeats our login)");
}

static void
record_reply(struct smtp_link *l)
{
	struct slice rest = buf_slice(&l->reply.text);
	char space[SMTP_PEER_TEXT + 8];

	do {
		struct buf b = BUF(space);

		buf_fmt(&b, "%d ", l->reply.code);
		buf_add(&b, slice_cut(rest, '\n', &rest));
		transcript_received(l->transcript, buf_slice(&b));
	} while (rest.n);
}

/* One line, and the reply to it.  The transcript shows the command, but no response. */
static int
send_line(struct smtp_link *l, const struct client_auth *g, const struct buf *line, bool first)
{
	struct transcript *transcript = l->transcript;
	char space[32];
	struct buf shown = BUF(space);
	int r;

	if (first)
		buf_fmt(&shown, "AUTH %s", client_auth_mechanism_name(g->mechanism));
	if (!first || g->step == CLIENT_AUTH_VERDICT)
		buf_str(&shown, first ? " ***" : "***");
	r = link_secret(l, buf_slice(line), buf_slice(&shown));
	if (r == 0)
		r = link_flush(l);	/* even if input is there already */
	l->transcript = NULL;
	if (r == 0)
		r = link_reply(l, l->config->relay.command_timeout_ms);
	l->transcript = transcript;
	stream_wipe_used(&l->stream);
	hide_echo(l, g, buf_slice(line));
	if (r == 0)
		record_reply(l);
	return r;
}

/* All lines of the login.  0, and g->step is its end; or -errno. */
static int
converse(struct smtp_link *l, struct client_auth *g, struct buf *line)
{
	bool first = true, more = true;
	int r = 0;

	while (r == 0 && more) {
		r = send_line(l, g, line, first);
		first = false;
		explicit_bzero(line->p, line->n);
		line->n = 0;
		if (r == 0)
			more = client_auth_reply(g, &l->reply, line);
	}
	return r;
}

static enum greet_result
refused(struct smtp_link *l, const struct route *r, const struct client_auth *g,
    struct outcome *ret_why)
{
	const struct slice text = buf_slice(&l->reply.text);
	const int shown = (int)(text.n < 300 ? text.n : 300);

	if (l->reply.code / 100 == 4)		/* RFC 4954 section 6: 454, and 421 */
		return GREET_REFUSED;
	if (g->words.n)
		return cannot(l, r, ret_why, "%d %.*s (%.*s)", l->reply.code, shown, text.p,
		    (int)g->words.n, g->words.p);
	outcome_set_reply(ret_why, CAUSE_LOGIN, &l->reply, slice_str(l->host));
	return GREET_LOGIN;
}

/* The login by the best of these mechanisms. */
static enum greet_result
log_in_by(struct smtp_link *l, unsigned mechanisms, const struct route *r,
    const struct credential *c, struct client_auth *g, struct outcome *ret_why)
{
	char space[CLIENT_AUTH_LINE];
	struct buf line = BUF(space);
	int e;

	if (!client_auth_start(g, mechanisms, slice_str(r->user), buf_slice(&c->secret),
	    c->is_token, &line))
		return cannot(l, r, ret_why, c->is_token ?
		    "the host does not offer XOAUTH2, which token-command needs" :
		    "the host offers neither PLAIN nor LOGIN");
	e = converse(l, g, &line);
	explicit_bzero(space, sizeof space);
	if (e < 0) {
		link_outcome(l, e, "AUTH", ret_why);
		return GREET_BROKEN;
	}
	return g->step == CLIENT_AUTH_DONE ? GREET_READY : refused(l, r, g, ret_why);
}

/* A server may offer a mechanism that does not work, and refuses it with any code.  Another one is
 * asked, unless the connection ends. */
static enum greet_result
log_in(struct smtp_link *l, const struct route *r, const struct credential *c,
    struct outcome *ret_why)
{
	unsigned left = l->peer.mechanisms;
	struct client_auth g;
	enum greet_result end = log_in_by(l, left, r, c, &g, ret_why);

	while (end == GREET_LOGIN && g.step == CLIENT_AUTH_REFUSED && !l->closed) {
		const bool unknown = l->reply.code / 10 == 50;
		struct outcome why;

		left &= ~(unsigned)g.mechanism;
		if (!client_auth_usable(left, c->is_token))
			break;
		end = log_in_by(l, left, r, c, &g, &why);
		if (end == GREET_BROKEN)	/* the refusal explains more */
			return GREET_LOGIN;
		if (end == GREET_LOGIN && unknown)
			*ret_why = why;
	}
	return end;
}

enum greet_result
auth_login(struct smtp_link *l, const struct route *r, const struct aide *a,
    struct outcome *ret_why)
{
	struct credential c;
	char space[400];
	struct buf why = BUF(space);
	enum greet_result end;

	if (!l->verified && !is_loopback(l))
		return cannot(l, r, ret_why, "a password is sent only inside TLS with a verified "
		    "certificate: set via = smtps://HOST or smtp+starttls://HOST");
	if ((a ? secrets_ask(a, &c, &why) : credential_get(r, &c, &why)) < 0)
		return cannot(l, r, ret_why, "%s", buf_cstr(&why));
	end = log_in(l, r, &c, ret_why);
	credential_wipe(&c);
	return end;
}

/* RFC 4954 section 6.  534 belongs behind AUTH alone, and Courier has it for a message that is too
 * big: the status must be one of security. */
static bool
is_about_login(const struct smtp_peer_reply *r)
{
	switch (r->code) {
	case 530:
	case 535:
	case 538:
		return true;
	case 534:
		return slice_has_prefix(smtp_peer_reply_status(r), SL("5.7."));
	default:
		return false;
	}
}

bool
auth_missing(const struct smtp_link *l, const struct route *r, struct outcome *ret_why)
{
	if (!way_of(r->via)->login || !is_about_login(&l->reply))
		return false;
	outcome_set_reply(ret_why, CAUSE_LOGIN, &l->reply, slice_str(l->host));
	return true;
}
