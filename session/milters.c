// SPDX-License-Identifier: ISC
/*
 * Macros are those that Postfix sends, or those that a filter lists.  A macro without a value is
 * left out.
 */
#include "session/milters.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/large.h"
#include "base/log.h"
#include "session/session.h"

static LARGE struct {
	bool discard;			/* this message */
	bool data;			/* MILTER_DATA was sent for it */
	bool connected;			/* the filters know the client */
	bool greeted;			/* and its name in HELO */
	char text[MILTER_TEXT_MAX];	/* of the last refusal */
} now;

bool
milters_discard(void)
{
	return now.discard;
}

void
milters_discard_message(void)
{
	now.discard = true;
}

bool
milters_met(void)
{
	return now.connected;
}

static void
put_client(struct buf *b, const struct session *s)
{
	const struct sockaddr *sa = peer_sockaddr(&s->peer);

	if (sa)
		address_text(b, sa);
}

static void
put_client_name(struct buf *b, const struct session *s)
{
	const struct slice name = smtp_xclient_text(&s->smtp.xclient, SMTP_XCLIENT_NAME);

	if (name.n || !peer_sockaddr(&s->peer)) {
		buf_add(b, name.n ? name : SL("localhost"));
		return;
	}
	buf_chr(b, '[');
	put_client(b, s);
	buf_chr(b, ']');
}

/* The name in the DNS is not looked up, but a proxy may know it. */
static void
put_known_name(struct buf *b, const struct session *s)
{
	const struct slice name = smtp_xclient_text(&s->smtp.xclient, SMTP_XCLIENT_NAME);

	if (name.n)
		buf_add(b, name);
	else
		buf_str(b, peer_sockaddr(&s->peer) ? "unknown" : "localhost");
}

static void
put_client_port(struct buf *b, const struct session *s)
{
	const struct sockaddr *sa = peer_sockaddr(&s->peer);

	if (sa)
		buf_uint(b, address_port(sa));
}

static void
put_peer(struct buf *b, const struct session *s)
{
	put_known_name(b, s);
	if (peer_sockaddr(&s->peer)) {
		buf_str(b, " [");
		put_client(b, s);
		buf_chr(b, ']');
	}
}

static void
put_hostname(struct buf *b, const struct session *s)
{
	buf_add(b, s->server.hostname);
}

static void
put_version(struct buf *b, const struct session *s)
{
	(void)s;
	buf_str(b, "smtp-handler " VERSION);
}

static void
put_id(struct buf *b, const struct session *s)
{
	if (s->content.begun)
		buf_add(b, content_id(&s->content));
}

static void
put_user(struct buf *b, const struct session *s)
{
	if (s->smtp.authenticated)
		buf_add(b, s->auth.user);
}

static void
put_auth_type(struct buf *b, const struct session *s)
{
	if (s->smtp.authenticated)
		buf_str(b, "PLAIN");
}

static void
put_sender(struct buf *b, const struct session *s)
{
	buf_add(b, smtp_path_text(&s->smtp.from));
}

static void
put_sender_host(struct buf *b, const struct session *s)
{
	buf_add(b, smtp_path_domain(&s->smtp.from));
}

static void
put_rcpt(struct buf *b, const struct session *s)
{
	buf_add(b, smtp_path_text(&s->smtp.rcpt));
}

static void
put_rcpt_host(struct buf *b, const struct session *s)
{
	buf_add(b, smtp_path_domain(&s->smtp.rcpt));
}

static void
put_tls_version(struct buf *b, const struct session *s)
{
	buf_str(b, s->tls.version);
}

static void
put_cipher(struct buf *b, const struct session *s)
{
	buf_str(b, s->tls.cipher);
}

static void
put_macro(struct buf *out, const struct session *s, struct slice name)
{
	static const struct macro {
		struct slice name;
		void (*put)(struct buf *b, const struct session *s);
	} macros[] = {
		{ S("j"), put_hostname }, { S("daemon_name"), put_hostname },
		{ S("v"), put_version }, { S("_"), put_peer }, { S("i"), put_id },
		{ S("client_addr"), put_client }, { S("client_name"), put_known_name },
		{ S("client_port"), put_client_port },
		{ S("auth_authen"), put_user }, { S("auth_type"), put_auth_type },
		{ S("mail_addr"), put_sender }, { S("mail_host"), put_sender_host },
		{ S("rcpt_addr"), put_rcpt }, { S("rcpt_host"), put_rcpt_host },
		{ S("tls_version"), put_tls_version }, { S("cipher"), put_cipher },
	};
	char space[SMTP_PATH_TEXT + 1];
	struct buf value = BUF(space);

	for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
		if (slice_eq(macros[i].name, name))
			macros[i].put(&value, s);
	if (value.n)
		milter_put_macro(out, name, buf_slice(&value));
}

static void
put_macros(const struct session *s, struct milter_link *l, enum milter_step step)
{
	struct slice list = milter_macros(&l->milter, step), name;
	size_t place;

	if (step == MILTER_FIELD || step == MILTER_BODY)
		return;
	place = milter_open_macros(&l->out, step);
	while (milter_macro_next(&list, &name))
		put_macro(&l->out, s, name);
	milter_close(&l->out, place);
}

/* Keep a reply, as the filter's own room is used again. */
static void
keep_reply(struct smtp_reply *ret, int code, struct slice text)
{
	if (text.n > sizeof now.text)
		text.n = sizeof now.text;
	if (text.n)
		memcpy(now.text, text.p, text.n);
	*ret = (struct smtp_reply){ .code = code, .text = slice_of(now.text, text.n),
		.next = code == 421 ? SMTP_NEXT_CLOSE : SMTP_NEXT_COMMAND };
}

/* A filter does not work.  The operator gets one line about it in a session. */
static bool
fail(const struct session *s, struct milter_link *l, bool in_message, struct smtp_reply *ret)
{
	if (!l->reported)
		log_text(LOG_LEVEL_ERROR, "milter %.*s: %s", (int)l->place.text.n, l->place.text.p,
		    l->trouble);
	l->reported = true;
	l->in_message = false;
	if (s->config->server.milter_failure == MILTER_FAILURE_ACCEPT || !in_message)
		return true;
	keep_reply(ret, 451, SL("4.7.1 Service unavailable - try again later"));
	return false;
}

bool
milters_broken(struct session *s, struct milter_link *l, const char *why, struct smtp_reply *ret)
{
	milter_link_fail(l, why);
	return fail(s, l, true, ret);
}

bool
milters_take(struct session *s, struct milter_link *l, enum milter_step step,
    const struct milter_answer *answer, struct smtp_reply *ret)
{
	switch (answer->kind) {
	case MILTER_CONTINUE:
		return true;
	case MILTER_ACCEPT:
		l->message_over = true;
		l->session_over |= step <= MILTER_HELO;
		return true;
	case MILTER_DISCARD:
		now.discard = true;
		return true;
	case MILTER_SKIP:
		l->skips_body = true;
		return true;
	case MILTER_REFUSE:
		keep_reply(ret, answer->code, answer->text);
		return false;
	default:
		if (!l->trouble)
			milter_link_fail(l, "it edits before the end of the message");
		return fail(s, l, step >= MILTER_MAIL, ret);
	}
}

bool
milters_active(const struct milter_link *l, enum milter_step step)
{
	return l->fd >= 0 && !l->session_over && !l->message_over && !now.discard &&
	       milter_wants(&l->milter, step);
}

static int
patience_ms(const struct session *s, enum milter_step step)
{
	return (int)(step >= MILTER_FIELD ? s->config->server.milter_content_timeout_ms :
	    s->config->server.milter_command_timeout_ms);
}

bool
milters_step(struct session *s, struct milter_link *l, enum milter_step step, struct slice data,
    struct smtp_reply *ret)
{
	struct milter_answer answer = { .kind = MILTER_CONTINUE };
	size_t place;

	put_macros(s, l, step);
	place = milter_open(&l->out, step);
	buf_add(&l->out, data);
	milter_close(&l->out, place);
	l->in_message |= step >= MILTER_MAIL;
	milter_link_send(l, patience_ms(s, step));
	if (step == MILTER_END)
		return l->trouble ? fail(s, l, true, ret) : true;
	if (l->trouble)
		answer.kind = MILTER_BROKEN;
	else if (milter_answers(&l->milter, step))
		milter_link_answer(l, step, patience_ms(s, step), &answer);
	return milters_take(s, l, step, &answer, ret);
}

static bool greet(struct session *s, struct smtp_reply *ret);

static bool
each_filter(struct session *s, enum milter_step step, struct slice data, struct smtp_reply *ret)
{
	size_t n;
	struct milter_link *l = milter_links(&n);

	/* After STARTTLS there is no greeting, and a proxy may name its client later. */
	if (n && !now.connected && !milters_connect(s, ret)) {
		ret->next = SMTP_NEXT_CLOSE;
		return false;
	}
	if (n && step > MILTER_HELO && !now.greeted && s->smtp.helo.n && !greet(s, ret)) {
		now.greeted = false;	/* the next sender is refused, too */
		return false;
	}
	for (; n--; l++) {
		if (l->trouble && !fail(s, l, step >= MILTER_MAIL, ret))
			return false;
		if (milters_active(l, step) && !milters_step(s, l, step, data, ret))
			return false;
	}
	return true;
}

static void
put_address(struct buf *b, const struct session *s)
{
	const struct sockaddr *sa = peer_sockaddr(&s->peer);
	const uint16_t port = sa ? address_port(sa) : 0;

	if (!sa) {
		buf_chr(b, 'U');
		return;
	}
	buf_chr(b, sa->sa_family == AF_INET6 ? '6' : '4');
	buf_chr(b, (char)(port >> 8));
	buf_chr(b, (char)(port & 0xff));
	if (sa->sa_family == AF_INET6)
		buf_str(b, "IPv6:");
	put_client(b, s);
	buf_chr(b, '\0');
}

bool
milters_connect(struct session *s, struct smtp_reply *ret)
{
	char space[400];
	struct buf data = BUF(space);
	size_t n;
	struct milter_link *l = milter_links(&n);

	if (n == 0 || now.connected)
		return true;
	now.connected = true;
	for (size_t i = 0; i < n; i++)
		if (l[i].fd >= 0)
			milter_link_agree(&l[i], patience_ms(s, MILTER_CONNECT));
	put_client_name(&data, s);
	buf_chr(&data, '\0');
	put_address(&data, s);
	return each_filter(s, MILTER_CONNECT, buf_slice(&data), ret);
}

static bool
greet(struct session *s, struct smtp_reply *ret)
{
	char space[SMTP_HELO_MAX + 2];
	struct buf data = BUF(space);

	now.greeted = true;
	milter_put_string(&data, buf_slice(&s->smtp.helo));
	return each_filter(s, MILTER_HELO, buf_slice(&data), ret);
}

bool
milters_helo(struct session *s, struct smtp_reply *ret)
{
	milters_message_end();
	now.greeted = false;
	return s->server.xclient ? true : greet(s, ret);
}

/* "<path>" and the parameters, each with a NUL. */
static bool
path_step(struct session *s, enum milter_step step, const struct smtp_path *path,
    struct smtp_reply *ret)
{
	char space[SMTP_PATH_TEXT + SMTP_PARAMS_MAX + 8];
	struct buf data = BUF(space);
	struct slice params = buf_slice(&s->smtp.params);

	buf_chr(&data, '<');
	buf_add(&data, smtp_path_text(path));
	milter_put_string(&data, SL(">"));
	while (params.n) {
		const struct slice word = slice_cut(params, ' ', &params);

		if (word.n)
			milter_put_string(&data, word);
	}
	return each_filter(s, step, buf_slice(&data), ret);
}

bool
milters_mail(struct session *s, struct smtp_reply *ret)
{
	return path_step(s, MILTER_MAIL, &s->smtp.from, ret);
}

bool
milters_rcpt(struct session *s, struct smtp_reply *ret)
{
	return path_step(s, MILTER_RCPT, &s->smtp.rcpt, ret);
}

bool
milters_data(struct session *s, struct smtp_reply *ret)
{
	if (now.data)
		return true;
	now.data = true;
	return each_filter(s, MILTER_DATA, SL(""), ret);
}

void
milters_message_end(void)
{
	size_t n;
	struct milter_link *l = milter_links(&n);

	if (n == 0)
		return;
	now.discard = now.data = false;
	for (; n--; l++) {
		if (l->in_message && l->fd >= 0) {
			milter_put_bare(&l->out, 'A');
			milter_link_send(l, 1000);
		}
		l->in_message = l->message_over = l->skips_body = false;
	}
}

void
milters_session_end(void)
{
	size_t n;
	struct milter_link *l = milter_links(&n);

	for (; n--; l++)
		milter_link_close(l);
}
