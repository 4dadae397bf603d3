// SPDX-License-Identifier: ISC
/*
 * The commands of a transaction and the replies to them: in groups where the peer offers PIPELINING (RFC 2920), else one by
 * one; each reply is matched to its command.  Ends where DATA or BDAT is out.  Called by client/transaction; must not settle
 * more than a reply says.
 */
#include "client/transaction.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "attempt/deadline.h"
#include "client/auth.h"
#include "client/tls_policy.h"
#include "smtp/extension.h"

/* A message that is to come back when it is late must not go where nobody would know that (RFC 2852 section 4.2). */
static enum outcome_cause
fit_time(const struct queue_entry *e, const struct smtp_link *l, struct buf *why)
{
	const int64_t now_s = clock_wall_s();
	const struct deadline d = deadline_of(e);

	if (deadline_ends(&d, now_s)) {
		buf_str(why, DEADLINE_TEXT);
		return CAUSE_DEADLINE;
	}
	if (d.give_back && !l->lmtp && !deadline_fits(&d, &l->peer, now_s)) {
		buf_str(why, smtp_extension(SMTP_EXT_DELIVERBY)->lack);
		return CAUSE_NO_DELIVERBY;
	}
	return CAUSE_DELIVERED;
}

/* Does the peer lack the extension?  Then add to why what that means for the message. */
static bool
lacks(const struct client_offer *peer, enum smtp_extension_id id, struct buf *why)
{
	if (!peer->offers[id])
		buf_str(why, smtp_extension(id)->lack);
	return !peer->offers[id];
}

enum outcome_cause
fit_message(const struct queue_entry *e, const struct payload *p, const struct smtp_link *l, struct buf *why)
{
	static const struct client_offer nothing;
	const struct client_offer *peer = &l->peer;

	if (peer->offers[SMTP_EXT_SIZE] && peer->max_size && p->size > peer->max_size) {	/* RFC 1870 section 6.1 */
		buf_fmt(why, "the message has %" PRIu64 " octets, and the exchanger accepts %" PRIu64 " at most", p->size, peer->max_size);
		return CAUSE_TOO_BIG;
	}
	if (p->facts.binary && lacks(peer, SMTP_EXT_BINARYMIME, why))	/* RFC 3030 section 3 */
		return CAUSE_BINARY;
	if ((!slice_is_ascii(e->from) || smtp_extension_used(e->from_params, SMTP_EXT_SMTPUTF8)) &&
	    lacks(peer, SMTP_EXT_SMTPUTF8, why))
		return CAUSE_NO_SMTPUTF8;
	/* An announcement without verified TLS is worth nothing (RFC 8689 section 4.2.1). */
	if (tls_policy_requiretls(e) && !l->lmtp &&
	    lacks(l->verified ? peer : &nothing, SMTP_EXT_REQUIRETLS, why))
		return CAUSE_NO_REQUIRETLS;
	if (p->facts.eight_bit && !p->facts.binary && lacks(peer, SMTP_EXT_8BITMIME, why))
		return CAUSE_NO_8BIT;	/* RFC 6152 section 3 */
	return fit_time(e, l, why);
}

enum outcome_cause
fit_rcpt(const struct queue_rcpt *rcpt, const struct smtp_link *l, struct buf *why)
{
	if (l->peer.offers[SMTP_EXT_SMTPUTF8] || slice_is_ascii(rcpt->path))
		return CAUSE_DELIVERED;
	buf_fmt(why, "the address needs %s, which the exchanger does not offer",
	    smtp_extension(SMTP_EXT_SMTPUTF8)->keyword.p);
	return CAUSE_NO_SMTPUTF8;
}

/* A size is the domain's policy, and time passes everywhere; what a server can do is that of the server. */
bool
fit_elsewhere(enum outcome_cause cause)
{
	return cause != CAUSE_TOO_BIG && cause != CAUSE_DEADLINE;
}

/* In order; with recipient i at COMMAND_RCPT + i, then the last. */
enum { COMMAND_RSET, COMMAND_MAIL, COMMAND_RCPT };

size_t
commands_first(const struct smtp_link *l)
{
	return l->dirty ? COMMAND_RSET : COMMAND_MAIL;
}

/* DATA or BDAT. */
static size_t
last(const struct transaction *t)
{
	return COMMAND_RCPT + t->asked;
}

bool
commands_all_sent(const struct transaction *t)
{
	return t->sent > last(t);
}

bool
commands_all_heard(const struct transaction *t)
{
	return t->heard >= last(t);
}

bool
commands_mail_refused(const struct transaction *t)
{
	return t->heard > COMMAND_MAIL && !t->mail_accepted;
}

const char *
commands_name(const struct transaction *t)
{
	if (t->heard == COMMAND_RSET)
		return "RSET";
	if (t->heard == COMMAND_MAIL)
		return "MAIL FROM";
	if (t->heard < last(t))
		return "RCPT TO";
	return t->chunked ? "BDAT" : "DATA";
}

/* What of the sender's time is left, if it has set one, is known only now (RFC 2852). */
static void
put_mail(struct transaction *t, struct buf *b)
{
	const struct queue_entry *e = t->e;
	const struct client_offer *peer = &t->link->peer;
	const int64_t now_s = clock_wall_s();
	const struct deadline deadline = deadline_of(e);
	char space[2048];
	struct buf params = BUF(space);

	client_mail(b, peer, e->from, deadline_params(e, peer, now_s, &params), payload_chunk_size(t->payload),
	    payload_body(t->payload));
	b->full |= params.full;
	t->told_deadline = deadline_fits(&deadline, peer, now_s);
}

static void
put_command(struct transaction *t, size_t command, struct buf *b)
{
	const struct queue_entry *e = t->e;

	if (command == COMMAND_RSET) {
		buf_str(b, "RSET\r\n");
	} else if (command == COMMAND_MAIL) {
		put_mail(t, b);
	} else if (command < last(t)) {
		const struct queue_rcpt *r = &e->rcpts[t->left[command - COMMAND_RCPT]];

		client_rcpt(b, &t->link->peer, r->path, r->params);
	} else if (t->chunked) {
		buf_fmt(b, "BDAT %llu LAST\r\n", (unsigned long long)payload_chunk_size(t->payload));
	} else {
		buf_str(b, "DATA\r\n");
	}
}

/* BDAT and its content are one: nothing can be said between them. */
static int
send_command(struct transaction *t)
{
	char space[4096];
	struct buf b = BUF(space);
	int r;

	put_command(t, t->sent, &b);
	r = b.full ? -EMSGSIZE : link_command(t->link, buf_slice(&b));
	return r == 0 && t->chunked && t->sent == last(t) ? payload_send_chunk(t->link, t->payload) : r;
}

/* May the next command go out, as far as is known from the replies that have come? */
static bool
makes_sense(const struct transaction *t)
{
	if (commands_mail_refused(t))
		return false;
	if (t->sent < last(t))
		return true;
	if (t->sent > last(t))
		return false;
	if (t->heard == last(t))
		return t->accepted > 0;
	return !t->chunked || t->blind;
}

/* A group begins when all before it is answered. */
static int
send_group(struct transaction *t)
{
	size_t group = t->link->peer.offers[SMTP_EXT_PIPELINING] ? COMMANDS_GROUP : 1;
	int r = 0;

	if (t->sent != t->heard)
		return 0;
	while (r == 0 && t->sent - t->heard < group && makes_sense(t)) {
		r = send_command(t);
		if (r == 0)
			t->sent++;
	}
	return r;
}

/* What a refusal means. */
static void
judge(const struct transaction *t, struct outcome *o)
{
	const struct smtp_link *l = t->link;

	if (!auth_missing(l, t->d->route, o))
		outcome_from_reply(o, &l->reply, slice_str(l->host));
}

/* Whatever becomes of what is before it, MAIL must find no transaction open: a chunk that is refused may leave one. */
int
commands_ahead(struct transaction *t, bool after_chunk)
{
	t->sent = t->heard = after_chunk ? COMMAND_RSET : COMMAND_MAIL;
	return send_group(t);
}

void
commands_record(struct transaction *t)
{
	for (size_t i = t->heard; i < t->sent; i++) {
		char space[4096];
		struct buf b = BUF(space);

		put_command(t, i, &b);
		transcript_sent(t->d->transcript, buf_slice(&b));
	}
}

static void
mail_reply(struct transaction *t)
{
	struct smtp_link *l = t->link;
	struct outcome o;

	t->mail_accepted = l->reply.code / 100 == 2;
	l->dirty = t->mail_accepted;
	if (t->mail_accepted || transaction_moves(t))
		return;
	judge(t, &o);
	if (o.kind != OUTCOME_FAILED && o.cause != CAUSE_LOGIN) {
		t->why = o;
		return;
	}
	for (size_t i = 0; i < t->nleft; i++)
		transaction_settle(t, i, &o);
}

/* RFC 5321 section 4.5.3.1.10: 452, and from some 552, after others were taken means "not so many
 * at once". */
static void
rcpt_reply(struct transaction *t, size_t i)
{
	const struct smtp_link *l = t->link;
	int code = l->reply.code;
	struct outcome o;

	if (!t->mail_accepted)
		return;
	if (code / 100 == 2) {
		t->state[i] = RCPT_ACCEPTED;
		t->accepted++;
	} else if (((code == 452 || code == 552) && t->accepted) || transaction_moves(t)) {
		t->state[i] = RCPT_AGAIN;
	} else {
		judge(t, &o);
		transaction_settle(t, i, &o);
	}
}

/* The reply to the command at t->heard has come. */
static int
take_reply(struct transaction *t)
{
	struct smtp_link *l = t->link;

	if (l->reply.code / 100 == 3)	/* belongs behind DATA alone */
		return -EPROTO;
	if (l->reply.code == 421)
		return -ECONNABORTED;
	if (t->heard == COMMAND_MAIL)
		mail_reply(t);
	else if (t->heard >= COMMAND_RCPT)
		rcpt_reply(t, t->heard - COMMAND_RCPT);
	t->heard++;
	return 0;
}

/* A server may keep its replies until it has read all it was sent (RFC 2920 section 3.2): behind a chunk that is until it is
 * done with the message. */
static uint64_t
reply_timeout(const struct transaction *t)
{
	const struct config *c = t->link->config;

	return t->blind && c->relay.dot_timeout_ms > c->relay.command_timeout_ms ? c->relay.dot_timeout_ms : c->relay.command_timeout_ms;
}

int
commands_run(struct transaction *t)
{
	struct smtp_link *l = t->link;

	for (;;) {
		int r = send_group(t);

		if (r < 0)
			return r;
		if (t->heard == t->sent || t->heard == last(t))
			return 0;
		r = link_reply(l, reply_timeout(t));
		if (r == 0)
			r = take_reply(t);
		if (r < 0)
			return r;
	}
}
