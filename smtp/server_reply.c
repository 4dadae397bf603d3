// SPDX-License-Identifier: ISC
/*
 * Replies that depend on more than one command.  They follow a verdict of the policy, a stored or
 * refused message, a command out of sequence, or the end of a session.
 */
#include "smtp/server.h"

#include <assert.h>

#include "smtp/server_commands.h"

#define WHY_MAX 400		/* octets of a route's own text that one reply line holds */

#define PATH_MAX_SHOWN 400	/* a reply leaves out a longer path */

static_assert(6 + PATH_MAX_SHOWN + 64 <= SMTP_REPLY_LINE, "a refusal with its path is one line");

static const struct refusal {
	int code;
	struct slice status, words;
	bool with_path;
} refusals[] = {
	[SMTP_REFUSE_SENDER] = {
		550, S("5.7.1 "), S("Sender address rejected: Access denied"), true },
	[SMTP_REFUSE_RELAY] = {
		550, S("5.7.1 "), S("Relay access denied"), true },
	[SMTP_REFUSE_USER] = {
		550, S("5.1.1 "), S("Recipient address rejected: User unknown"), true },
	[SMTP_REFUSE_ROUTE] = {
		550, S("5.7.1 "), S("Recipient address rejected: Access denied"), true },
	[SMTP_REFUSE_SPACE] = {
		452, S("4.3.1 "), S("Error: insufficient system storage"), false },
	[SMTP_REFUSE_TLS] = {
		454, S("4.7.0 "), S("TLS not available due to local problem"), false },
	[SMTP_REFUSE_PASSWORD] = {
		535, S("5.7.8 "), S("Error: authentication failed"), false },
	[SMTP_REFUSE_AUTH] = {
		454, S("4.7.0 "), S("Temporary authentication failure"), false },
	[SMTP_REFUSE_OWNER] = {
		553, S("5.7.1 "), S("Sender address rejected: not owned by user"), true },
	[SMTP_REFUSE_QUOTA] = {
		450, S("4.7.0 "), S("Error: too much mail of this user in an hour, "
		    "try again later"), false },
	[SMTP_REFUSE_RATE] = {
		450, S("4.7.1 "), S("Error: too many recipients of this user for now, "
		    "try again later"), false },
	[SMTP_REFUSE_LOCAL] = {
		451, S("4.3.0 "), S("Error: local error in processing"), false },
};

void
server_transaction_end(struct server_session *s)
{
	if (s->state != SMTP_AT_START)
		s->state = SMTP_AT_READY;
	smtp_path_clear(&s->from);
	smtp_path_clear(&s->rcpt);
	s->params.n = 0;
	s->body = SMTP_BODY_UNKNOWN;
	s->utf8 = s->held = false;
	s->declared_size = 0;
	s->chunk = 0;
	s->chunk_last = false;
	s->recipients = s->refused = 0;
}

struct smtp_reply
server_out_of_sequence(const struct server_session *s)
{
	switch (s->state) {
	case SMTP_AT_START:
		return s->server->lmtp ? SMTP_REPLY(503, "5.5.1 Error: send LHLO first") :
		    SMTP_REPLY(503, "5.5.1 Error: send HELO/EHLO first");
	case SMTP_AT_READY:
		return SMTP_REPLY(503, "5.5.1 Error: need MAIL command");
	case SMTP_AT_CHUNK:
		return SMTP_REPLY(503, "5.5.1 Error: need BDAT LAST or RSET command");
	case SMTP_AT_BROKEN:
		return SMTP_REPLY(503, "5.5.1 Error: need RSET command");
	case SMTP_AT_MAIL:
	case SMTP_AT_RCPT:
		break;
	}
	return SMTP_REPLY(503, "5.5.1 Error: nested MAIL command");
}

static struct smtp_reply
refused(struct server_session *s, enum smtp_next asked, enum smtp_verdict verdict, struct slice why)
{
	const struct refusal *r = &refusals[verdict];
	const struct smtp_path *path = asked == SMTP_NEXT_CHECK_MAIL ? &s->from : &s->rcpt;

	why = slice_trim(slice_cut(why, '\n', &(struct slice){ 0 }));
	if (why.n > WHY_MAX)
		why.n = WHY_MAX;
	buf_add(&s->text, r->status);
	if (verdict == SMTP_REFUSE_ROUTE && why.n) {
		buf_add(&s->text, why);
	} else {
		if (r->with_path && path->n <= PATH_MAX_SHOWN) {
			buf_chr(&s->text, '<');
			buf_add(&s->text, smtp_path_text(path));
			buf_str(&s->text, ">: ");
		}
		buf_add(&s->text, r->words);
	}
	if (asked == SMTP_NEXT_CHECK_AUTH)
		(void)server_auth_end(s, false);
	else if (asked == SMTP_NEXT_CHECK_MAIL)
		server_transaction_end(s);
	else if (asked == SMTP_NEXT_CHECK_RCPT)
		s->refused++;
	return server_reply_made(s, r->code);
}

static struct smtp_reply
accepted(struct server_session *s, enum smtp_next asked, bool verified)
{
	struct smtp_reply r;

	switch (asked) {
	case SMTP_NEXT_CHECK_MAIL:
		s->state = SMTP_AT_MAIL;
		return SMTP_REPLY(250, "2.1.0 Ok");
	case SMTP_NEXT_CHECK_RCPT:
		s->state = SMTP_AT_RCPT;
		s->recipients++;
		return SMTP_REPLY(250, "2.1.5 Ok");
	case SMTP_NEXT_CHECK_DATA:
		r = SMTP_REPLY(354, "End data with <CR><LF>.<CR><LF>");
		r.next = SMTP_NEXT_DATA;
		return r;
	case SMTP_NEXT_CHECK_VRFY:
		if (!verified || s->rcpt.n > PATH_MAX_SHOWN)
			return SMTP_REPLY(252, "2.0.0 Cannot VRFY user, "
			    "but will take mail and try to deliver it");
		buf_str(&s->text, "2.1.5 <");
		buf_add(&s->text, smtp_path_text(&s->rcpt));
		buf_chr(&s->text, '>');
		return server_reply_made(s, 250);
	case SMTP_NEXT_CHECK_STARTTLS:
		r = SMTP_REPLY(220, "2.0.0 Ready to start TLS");
		r.next = SMTP_NEXT_STARTTLS;
		return r;
	case SMTP_NEXT_CHECK_AUTH:
		return server_auth_end(s, true);
	case SMTP_NEXT_CHECK_XCLIENT:	/* server_proxied() answers it */
	case SMTP_NEXT_STARTTLS:
	case SMTP_NEXT_COMMAND:
	case SMTP_NEXT_DATA:
	case SMTP_NEXT_CHUNK:
	case SMTP_NEXT_DISCARD:
	case SMTP_NEXT_CLOSE:
		break;
	}
	/* No question is open. */
	return SMTP_REPLY(451, "4.3.0 Error: local error in processing");
}

/* 421 "4.x.y HOST words", and the end (RFC 5321 section 3.8). */
static struct smtp_reply
goodbye(struct server_session *s, const char *status, const char *words)
{
	struct smtp_reply r;

	server_transaction_end(s);
	s->text = (struct buf)BUF(s->text_space);
	buf_str(&s->text, status);
	buf_add(&s->text, s->server->hostname);
	buf_str(&s->text, words);
	r = server_reply_made(s, 421);
	r.next = SMTP_NEXT_CLOSE;
	return r;
}

struct smtp_reply
server_decide(struct server_session *s, enum smtp_verdict verdict, struct slice why)
{
	enum smtp_next asked = s->pending;

	s->pending = SMTP_NEXT_COMMAND;
	s->text.n = 0;
	if (verdict == SMTP_ACCEPT || verdict == SMTP_VERIFIED)
		return accepted(s, asked, verdict == SMTP_VERIFIED);
	if (verdict == SMTP_REFUSE_MESSAGES)
		return goodbye(s, "4.7.0 ", " Error: too many messages in one session");
	return server_budget(s, refused(s, asked, verdict, why));
}

struct smtp_reply
server_refuse(struct server_session *s, const struct smtp_reply *reply)
{
	const enum smtp_next asked = s->pending;

	s->pending = SMTP_NEXT_COMMAND;
	if (asked == SMTP_NEXT_CHECK_MAIL) {
		server_transaction_end(s);
	} else if (asked == SMTP_NEXT_CHECK_RCPT) {
		s->refused++;
	} else if (asked == SMTP_NEXT_COMMAND) {
		s->state = SMTP_AT_START;
		s->esmtp = false;
		s->helo.n = 0;
	}
	return server_budget(s, *reply);
}

unsigned
server_final_replies(const struct server_session *s)
{
	return s->server->lmtp ? s->recipients : 1;
}

struct smtp_reply
server_end_of_data(struct server_session *s, enum smtp_data_result result, struct slice detail)
{
	static const struct smtp_reply replies[] = {
		[SMTP_DATA_TOO_BIG] = { .code = 552,
			.text = S("5.3.4 Error: message file too big") },
		[SMTP_DATA_SPACE] = { .code = 452,
			.text = S("4.3.1 Error: insufficient system storage") },
		[SMTP_DATA_LOCAL] = { .code = 451,
			.text = S("4.3.0 Error: queue file write error") },
		[SMTP_DATA_BARE] = { .code = 554,
			.text = S("5.6.0 Error: bare <CR> or <LF> received"),
			.next = SMTP_NEXT_CLOSE },
		[SMTP_DATA_LOOP] = { .code = 554,
			.text = S("5.4.6 Error: too many hops") },
		[SMTP_DATA_LINE] = { .code = 554,
			.text = S("5.6.0 Error: message line too long") },
		[SMTP_DATA_FILTER] = { .code = 451,
			.text = S("4.7.1 Service unavailable - try again later") },
	};

	server_transaction_end(s);
	s->text.n = 0;
	if (result != SMTP_DATA_QUEUED)
		return replies[result];	/* not counted as an error: 421 would hide a final 5yz */
	buf_str(&s->text, "2.0.0 Ok: queued as ");
	buf_add(&s->text, detail);
	return server_reply_made(s, 250);
}

struct smtp_reply
server_end_of_chunk(struct server_session *s, enum smtp_data_result result, struct slice detail)
{
	struct smtp_reply r;

	if (result == SMTP_DATA_QUEUED && !s->chunk_last) {
		s->state = SMTP_AT_CHUNK;
		s->text.n = 0;
		buf_str(&s->text, "2.0.0 Ok: ");
		buf_uint(&s->text, s->chunk);
		buf_str(&s->text, " octets received");
		return server_reply_made(s, 250);
	}
	r = server_end_of_data(s, result, detail);
	r.next = SMTP_NEXT_COMMAND;	/* the next command begins behind the chunk in any case */
	return r;
}

struct smtp_reply
server_too_early(void)
{
	return (struct smtp_reply){ .code = 554,
		.text = S("5.5.1 Error: the server speaks first"), .next = SMTP_NEXT_CLOSE };
}

struct smtp_reply
server_timeout(struct server_session *s)
{
	return goodbye(s, "4.4.2 ", " Error: timeout exceeded");
}

struct smtp_reply
server_shutdown(struct server_session *s)
{
	return goodbye(s, "4.3.2 ", " Service shutting down, try again later");
}

struct smtp_reply
server_proxied_late(struct server_session *s)
{
	return goodbye(s, "4.7.0 ", " Error: XCLIENT comes after a message that filters have seen");
}

struct smtp_reply
server_idle(struct server_session *s)
{
	return goodbye(s, "4.3.2 ", " too many connections, and this one is idle, try again later");
}

struct smtp_reply
server_limited(struct server_session *s)
{
	return goodbye(s, "4.7.0 ", " too many connections or errors from your network, "
	    "try again later");
}

struct smtp_reply
server_elsewhere(struct server_session *s)
{
	return goodbye(s, "4.3.2 ", " another machine has the queue, try again later");
}

struct smtp_reply
server_no_queue(struct server_session *s, bool full)
{
	return full ? goodbye(s, "4.3.1 ", " insufficient system storage, try again later")
		    : goodbye(s, "4.3.0 ", " the queue cannot take mail, try again later");
}

struct smtp_reply
server_budget(struct server_session *s, struct smtp_reply r)
{
	if (r.code < 500 || r.next == SMTP_NEXT_CLOSE || ++s->errors < s->server->max_errors)
		return r;
	return goodbye(s, "4.7.0 ", " Error: too many errors");
}
