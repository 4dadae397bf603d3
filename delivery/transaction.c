// SPDX-License-Identifier: ISC
/*
 * MAIL, RCPT and DATA for one message over one link (RFC 5321 section 3.3), in groups where the peer offers
 * PIPELINING (RFC 2920), else one by one; and from the replies what becomes of each recipient.
 * Must not choose hosts: when this one fails before a reply settled a recipient, that recipient is left for
 * the next.  Called by delivery/smtp only.
 */
#include "delivery/transaction.h"

#include <errno.h>
#include <stdlib.h>

#define GROUP_MAX 100	/* replies to so many commands fit in any socket's buffers, so neither side can block the other */

enum state { ASKED, ACCEPTED, AGAIN, SETTLED };

/* The commands of a transaction, in order; with recipient i at COMMAND_RCPT + i, then DATA. */
enum { COMMAND_RSET, COMMAND_MAIL, COMMAND_RCPT };

int
transaction_init(struct transaction *t, struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	memset(t, 0, sizeof *t);
	t->d = d;
	t->e = e;
	t->left = malloc((n ? n : 1) * sizeof *t->left);
	t->state = malloc(n ? n : 1);
	if (!t->left || !t->state) {
		transaction_done(t);
		return -ENOMEM;
	}
	memcpy(t->left, rcpts, n * sizeof *rcpts);
	t->nleft = n;
	return 0;
}

void
transaction_done(struct transaction *t)
{
	free(t->left);
	free(t->state);
	t->left = NULL;
	t->state = NULL;
	t->nleft = 0;
}

static void
settle(struct transaction *t, size_t i, const struct outcome *o)
{
	t->state[i] = SETTLED;
	delivery_report(t->d, t->e, t->left[i], o);
}

static void
settle_accepted(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] == ACCEPTED)
			settle(t, i, o);
	t->accepted = 0;
}

void
transaction_settle_rest(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->nleft; i++)
		settle(t, i, o);
	t->nleft = 0;
}

static void
drop_settled(struct transaction *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != SETTLED)
			t->left[kept++] = t->left[i];
	t->nleft = kept;
}

static bool
eight_bit_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return true;
	return false;
}

static bool
has_param(struct slice params, struct slice word)
{
	while (params.n)
		if (slice_ieq(slice_cut(params, ' ', &params), word))
			return true;
	return false;
}

/* What this peer cannot carry, found out before a word is said. */
static enum outcome_cause
unfit(const struct queue_entry *e, const struct smtp_link *l, const char **ret_detail)
{
	const struct smtp_peer *peer = &l->peer;

	if (peer->size && peer->max_size && e->content_size > peer->max_size) {	/* RFC 1870 section 6.1 */
		*ret_detail = "the message is larger than the exchanger accepts";
		return CAUSE_TOO_BIG;
	}
	if (e->facts.binary) {
		*ret_detail = "the message holds NUL or bare line ends, which DATA cannot carry";
		return CAUSE_BINARY;
	}
	if (!peer->smtputf8 && (eight_bit_text(e->from) || has_param(e->from_params, SL("SMTPUTF8")))) {
		*ret_detail = "the message needs SMTPUTF8, which the exchanger does not offer";
		return CAUSE_NO_SMTPUTF8;
	}
	if (has_param(e->from_params, SL("REQUIRETLS")) && !(l->stream.tls && peer->requiretls)) {
		/* RFC 8689 section 4.2.1; what is offered in clear is worth nothing */
		*ret_detail = "the sender demands REQUIRETLS, which is not to be had with this exchanger";
		return CAUSE_NO_REQUIRETLS;
	}
	if (e->facts.eight_bit && !peer->eight_bit) {	/* RFC 6152 section 3 */
		*ret_detail = "the message is 8-bit text and the exchanger does not offer 8BITMIME";
		return CAUSE_NO_8BIT;
	}
	return CAUSE_DELIVERED;
}

/* Also those recipients that alone need what the peer has not. */
static bool
settle_unfit(struct transaction *t)
{
	const struct smtp_link *l = t->link;
	const char *detail;
	enum outcome_cause cause = unfit(t->e, l, &detail);
	struct outcome o;

	if (cause != CAUSE_DELIVERED) {
		outcome_set(&o, cause, slice_str(l->host), slice_str(detail));
		transaction_settle_rest(t, &o);
		return true;
	}
	outcome_set(&o, CAUSE_NO_SMTPUTF8, slice_str(l->host),
	    SL("the address needs SMTPUTF8, which the exchanger does not offer"));
	for (size_t i = 0; i < t->nleft && !l->peer.smtputf8; i++)
		if (eight_bit_text(t->e->rcpts[t->left[i]].path))
			settle(t, i, &o);
	drop_settled(t);
	return t->nleft == 0;
}

static int
send_command(struct transaction *t, size_t command)
{
	struct smtp_link *l = t->link;
	const struct queue_entry *e = t->e;
	char space[4096];
	struct buf b = BUF(space);

	if (command == COMMAND_RSET) {
		buf_str(&b, "RSET\r\n");
	} else if (command == COMMAND_MAIL) {
		smtp_client_mail(&b, &l->peer, e->from, e->from_params, e->content_size, e->facts.eight_bit);
	} else if (command < COMMAND_RCPT + t->nleft) {
		const struct queue_rcpt *r = &e->rcpts[t->left[command - COMMAND_RCPT]];

		smtp_client_rcpt(&b, &l->peer, r->path, r->params);
	} else {
		buf_str(&b, "DATA\r\n");
	}
	return b.full ? -EMSGSIZE : link_command(l, buf_slice(&b));
}

static const char *
command_name(const struct transaction *t, size_t command)
{
	if (command == COMMAND_RSET)
		return "RSET";
	if (command == COMMAND_MAIL)
		return "MAIL FROM";
	return command < COMMAND_RCPT + t->nleft ? "RCPT TO" : "DATA";
}

/* This host does not get us further; the link is of no use any more. */
static enum transaction_end
next_host(struct transaction *t, int error, const char *doing)
{
	link_outcome(t->link, error, doing, &t->why);
	t->link->closed = true;
	return TRANSACTION_NEXT;
}

static void
mail_reply(struct transaction *t)
{
	struct smtp_link *l = t->link;
	struct outcome o;

	t->mail_accepted = l->reply.code / 100 == 2;
	l->dirty = t->mail_accepted;
	if (t->mail_accepted)
		return;
	outcome_from_reply(&o, &l->reply, slice_str(l->host));
	if (o.kind == OUTCOME_FAILED)
		for (size_t i = 0; i < t->nleft; i++)
			settle(t, i, &o);
	else
		t->why = o;
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
		t->state[i] = ACCEPTED;
		t->accepted++;
	} else if ((code == 452 || code == 552) && t->accepted) {
		t->state[i] = AGAIN;
	} else {
		outcome_from_reply(&o, &l->reply, slice_str(l->host));
		settle(t, i, &o);
	}
}

static bool
expected(size_t command, size_t data, int code)
{
	return code / 100 == 2 ? command != data : code / 100 == 3 ? command == data : true;
}

/*
 * Commands out and replies in, up to DATA's.  0, and then the reply in l->reply is DATA's, if it was said
 * (*ret_data); or what next_host() wants, with *ret_command.
 */
static int
converse(struct transaction *t, bool *ret_data, size_t *ret_command)
{
	struct smtp_link *l = t->link;
	const struct config *c = l->config;
	size_t data = COMMAND_RCPT + t->nleft, group = l->peer.pipelining ? GROUP_MAX : 1;
	size_t sent = l->dirty ? COMMAND_RSET : COMMAND_MAIL, heard = sent;
	int r = 0;

	*ret_data = false;
	while (heard <= data) {
		bool refused = heard > COMMAND_MAIL && !t->mail_accepted;

		*ret_command = heard;
		if (heard == sent) {
			if (refused || (heard == data && !t->accepted))
				return 0;
			for (; r == 0 && sent <= data && sent - heard < group; sent++)
				r = send_command(t, sent);
		}
		if (r == 0)
			r = link_reply(l, heard == data ? c->relay.data_timeout_ms : c->relay.command_timeout_ms);
		if (r == 0 && !expected(heard, data, l->reply.code))
			r = -EPROTO;
		if (r < 0)
			return r;
		if (l->closed)		/* 421 */
			return -ECONNABORTED;
		if (heard == COMMAND_MAIL)
			mail_reply(t);
		else if (heard >= COMMAND_RCPT && heard < data)
			rcpt_reply(t, heard - COMMAND_RCPT);
		heard++;
	}
	*ret_data = true;
	return 0;
}

/* All were refused, but the DATA was out already and got its 354: nothing but the dot follows (RFC
 * 2920 section 3.1). */
static void
send_nothing(struct transaction *t)
{
	struct smtp_link *l = t->link;

	if (link_command(l, SL(".\r\n")) == 0)
		(void)link_reply(l, l->config->relay.dot_timeout_ms);
	l->dirty = false;
}

static enum transaction_end
send_content(struct transaction *t)
{
	struct smtp_link *l = t->link;
	struct outcome o;
	int r = payload_send(l, t->e);

	if (r == -EIO) {
		outcome_set(&o, CAUSE_LOCAL, SL(""), SL("cannot read the message from the queue"));
		settle_accepted(t, &o);
		return TRANSACTION_DONE;
	}
	if (r < 0) {		/* without the dot nobody has got it */
		if (!link_last_words(l))
			return next_host(t, r, "sending the message");
	} else {
		r = link_reply(l, l->config->relay.dot_timeout_ms);
		if (r < 0) {	/* RFC 1047: it may have got it all the same, so no other host now */
			link_outcome(l, r, "waiting for the reply to the message (it may arrive twice)", &o);
			settle_accepted(t, &o);
			return TRANSACTION_DONE;
		}
	}
	l->dirty = false;
	outcome_from_reply(&o, &l->reply, slice_str(l->host));
	settle_accepted(t, &o);
	return TRANSACTION_DONE;
}

static enum transaction_end
after_data(struct transaction *t)
{
	struct smtp_link *l = t->link;
	struct outcome o;

	if (l->reply.code / 100 == 3) {
		if (t->accepted)
			return send_content(t);
		send_nothing(t);
		return TRANSACTION_DONE;
	}
	if (!t->accepted)	/* RFC 5321 section 3.3: 503 or 554, as is right */
		return TRANSACTION_DONE;
	outcome_from_reply(&o, &l->reply, slice_str(l->host));
	if (o.kind == OUTCOME_FAILED) {
		settle_accepted(t, &o);
		return TRANSACTION_DONE;
	}
	t->why = o;
	return TRANSACTION_NEXT;
}

enum transaction_end
transaction_run(struct transaction *t, struct smtp_link *l)
{
	enum transaction_end end = TRANSACTION_DONE;
	bool data;
	size_t command = COMMAND_MAIL;
	int r;

	t->link = l;
	t->mail_accepted = false;
	t->accepted = 0;
	memset(t->state, ASKED, t->nleft);
	if (settle_unfit(t))
		return TRANSACTION_DONE;
	r = converse(t, &data, &command);
	l->transactions++;
	if (r == -ECONNABORTED) {
		outcome_from_reply(&t->why, &l->reply, slice_str(l->host));
		end = TRANSACTION_NEXT;
	} else if (r < 0) {
		end = next_host(t, r, command_name(t, command));
	} else {
		if (data)
			end = after_data(t);
		if (!t->mail_accepted)
			end = TRANSACTION_NEXT;
	}
	drop_settled(t);
	return end;
}
