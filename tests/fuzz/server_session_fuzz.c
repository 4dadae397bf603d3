// SPDX-License-Identifier: ISC
/*
 * A whole session without a descriptor.  Each line of input is an octet that chooses the verdict,
 * followed by a command.  Each command gets one well-formed reply, and a message comes only after a
 * sender and a recipient.
 */
#include <stdlib.h>

#include "base/base64.h"
#include "smtp/server.h"
#include "tests/fuzz/fuzz.h"

/* Require a well-formed reply (RFC 5321 section 4.2, RFC 2034 section 4). */
static void
check_reply(const struct server_session *s, const struct smtp_reply *r)
{
	char space[8192], octets[64];
	struct buf b = BUF(space), challenge = BUF(octets);
	struct slice rest;

	must(r->code != 334 || (s->server->auth && s->server->auth->step != SMTP_AUTH_NONE));
	must(r->code >= 200 && r->code <= 599 && !s->text.full && !s->params.full &&
	    !s->helo.full);
	smtp_reply_format(&b, r);
	must(!b.full);
	for (rest = buf_slice(&b); rest.n;) {
		struct slice line = slice_cut(rest, '\n', &rest);

		must(line.n >= 5 && line.n + 1 <= SMTP_REPLY_LINE && line.p[line.n - 1] == '\r');
		must(line.p[3] == (rest.n ? '-' : ' '));
		/* A challenge is base64 alone (RFC 4954 section 4). */
		if (r->code == 334)
			must(base64_decode(&challenge, slice_of(line.p + 4, line.n - 5)));
		else if (r->code != 354 && r->code != 220 &&
		    !slice_has_prefix(r->text, s->server->hostname))
			must(line.n > 10 && line.p[4] == line.p[0] && line.p[5] == '.');
	}
}

static void
check_state(const struct server_session *s)
{
	/* A tolerant session needs no hello. */
	must(s->state == SMTP_AT_START || s->helo.n > 0 ||
	    !(s->server->strict || s->server->lmtp));
	must((s->state >= SMTP_AT_RCPT) == (s->recipients > 0));
	must(s->recipients <= s->server->max_recipients && s->errors <= s->server->max_errors);
	must(s->state >= SMTP_AT_MAIL || s->from.n == 0);
}

static struct smtp_reply
answer(struct server_session *s, struct slice line, unsigned choice)
{
	/* Most verdicts and results are good, so that a fuzzer gets far. */
	enum smtp_verdict verdict =
	    choice & 8 ? (enum smtp_verdict)(choice % (SMTP_VERIFIED + 1)) : SMTP_ACCEPT;
	const enum smtp_data_result result =
	    choice & 8 ? (enum smtp_data_result)(choice % (SMTP_DATA_LINE + 1)) : SMTP_DATA_QUEUED;
	static struct server inside;
	bool starttls;
	struct smtp_reply r = choice == 255 ? server_overlong(s) : server_command(s, line);

	switch (r.next) {
	case SMTP_NEXT_CHECK_MAIL:
	case SMTP_NEXT_CHECK_RCPT:
	case SMTP_NEXT_CHECK_VRFY:
	case SMTP_NEXT_CHECK_DATA:
		must(r.code == 0);
		must(r.next != SMTP_NEXT_CHECK_MAIL || s->state <= SMTP_AT_READY);
		must(r.next != SMTP_NEXT_CHECK_DATA || s->state == SMTP_AT_RCPT);
		return server_decide(s, verdict, line);
	case SMTP_NEXT_CHUNK:
		must(r.code == 0 && (s->state == SMTP_AT_RCPT || s->state == SMTP_AT_CHUNK));
		return server_end_of_chunk(s, result, SL("ID"));
	case SMTP_NEXT_DISCARD:
		must(s->state != SMTP_AT_RCPT && s->state != SMTP_AT_CHUNK);
		break;
	case SMTP_NEXT_CHECK_XCLIENT:
		must(r.code == 0 && s->server->xclient && s->state <= SMTP_AT_READY);
		server_init(s, s->server);
		r = server_proxied(s);
		must(s->authenticated == smtp_xclient_knows(&s->xclient, SMTP_XCLIENT_LOGIN));
		return r;
	case SMTP_NEXT_CHECK_STARTTLS:
	case SMTP_NEXT_CHECK_AUTH:
		must(r.code == 0);
		must(r.next != SMTP_NEXT_CHECK_AUTH ||
		    (s->server->auth->user.n && s->server->auth->password.n));
		starttls = r.next == SMTP_NEXT_CHECK_STARTTLS;
		/* Too many messages: that is an answer to MAIL only. */
		if (verdict == SMTP_REFUSE_MESSAGES)
			verdict = SMTP_REFUSE_PASSWORD;
		r = server_decide(s, verdict, line);
		must(!s->server->auth || s->server->auth->secret.n == 0);
		must(starttls || !s->authenticated || verdict == SMTP_ACCEPT ||
		    verdict == SMTP_VERIFIED);
		return r;
	case SMTP_NEXT_STARTTLS:
		/* TLS begins: nothing of before remains (RFC 3207 section 4.2). */
		must(r.code == 220);
		check_reply(s, &r);
		inside = *s->server;
		inside.tls = true;
		inside.starttls = SMTP_STARTTLS_OFF;
		server_init(s, &inside);
		must(s->state == SMTP_AT_START && s->helo.n == 0 && !s->authenticated);
		return server_command(s, SL("EHLO inside.example"));
	case SMTP_NEXT_COMMAND:
	case SMTP_NEXT_DATA:
	case SMTP_NEXT_CLOSE:
		break;
	}
	return r;
}

static struct server_auth auth;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server server = {
		.hostname = S("mx.example"), .max_message_size = 1000, .max_recipients = 5,
		.max_errors = 20,
	};
	struct slice rest = slice_of((const char *)data, size);
	struct server_session s;
	struct smtp_reply r;

	if (size == 0)
		return 0;
	server.strict = data[0] & 1;
	server.auth = data[0] & 2 ? &auth : NULL;
	server.tls = data[0] & 4;
	server.xclient = data[0] & 8;
	server.tls_required = data[0] & 16;
	server.lmtp = data[0] & 64;
	server.starttls = data[0] & 32 ? SMTP_STARTTLS_OFFERED : SMTP_STARTTLS_OFF;
	server_auth_clear(&auth);
	server_init(&s, &server);
	s.xclient = (struct smtp_xclient){ .given = 0 };
	r = server_greeting(&s);
	check_reply(&s, &r);
	while (rest.n && r.next != SMTP_NEXT_CLOSE) {
		struct slice line = slice_cut(rest, '\n', &rest);
		unsigned choice = line.n ? (unsigned char)line.p[0] : 0;

		r = answer(&s, slice_skip(line, 1), choice);
		check_reply(&s, &r);
		check_state(&s);
		if (r.next != SMTP_NEXT_DATA)
			continue;
		r = server_end_of_data(&s, (enum smtp_data_result)(choice % (SMTP_DATA_LINE + 1)),
		    SL("ID"));
		check_reply(&s, &r);
		must(s.state == SMTP_AT_READY && s.from.n == 0 && s.recipients == 0);
	}
	return 0;
}
