// SPDX-License-Identifier: ISC
/*
 * The content of a message and the replies to it: behind DATA's 354 it is sent here, behind BDAT it is out already.
 * Called by delivery/transaction.
 */
#include "client/transaction.h"

#include <errno.h>
#include <stdio.h>

static void
settle_accepted(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->asked; i++)
		if (t->state[i] == RCPT_ACCEPTED)
			transaction_settle(t, i, o);
	t->accepted = 0;
}

/* RFC 1047: somebody may have got it all the same, so no other host now. */
static enum transaction_end
lost_in(struct transaction *t, int error, const char *doing)
{
	struct outcome o;

	t->lost = true;
	link_outcome(t->link, error, doing, &o);
	settle_accepted(t, &o);
	return TRANSACTION_DONE;
}

static enum transaction_end
lost(struct transaction *t, int error)
{
	return lost_in(t, error,
	    error == -EPROTO ? "the message (it may arrive twice)" : "waiting for the reply to the message (it may arrive twice)");
}

enum transaction_end
content_unsure(struct transaction *t, int error)
{
	char doing[80];

	(void)snprintf(doing, sizeof doing, "%s (the message is out and may arrive twice)", commands_name(t));
	for (size_t i = 0; i < t->asked; i++)
		if (t->state[i] == RCPT_ASKED)
			t->state[i] = RCPT_ACCEPTED;
	t->link->closed = true;
	return lost_in(t, error, doing);
}

enum transaction_end
content_cut(struct transaction *t, int error)
{
	struct smtp_link *l = t->link;
	struct outcome o;

	if (error == -EIO) {
		outcome_set(&o, CAUSE_LOCAL, SL(""), SL("cannot read the message from the queue"));
		transaction_settle_rest(t, &o);
		return TRANSACTION_DONE;
	}
	if (!link_last_words(l)) {
		link_outcome(l, error, "sending the message", &t->why);
		return TRANSACTION_NEXT;
	}
	if (transaction_moves(t))
		return TRANSACTION_NEXT;
	outcome_from_reply(&o, &l->reply, slice_str(l->host));
	settle_accepted(t, &o);
	return TRANSACTION_DONE;
}

static int
hear(struct transaction *t, struct outcome *ret)
{
	struct smtp_link *l = t->link;
	int r = link_reply(l, l->config->relay.dot_timeout_ms);

	if (r < 0)
		return r;
	/* RFC 3030 section 2: what a chunk that was refused leaves behind is for RSET to clear. */
	l->dirty = l->dirty && t->chunked && l->reply.code / 100 != 2;
	l->closed |= l->reply.code / 100 == 3;		/* who knows what it waits for now */
	outcome_from_reply(ret, &l->reply, slice_str(l->host));
	ret->reach = l->lmtp ? REACH_END : REACH_SERVER;	/* whoever speaks LMTP is the mailbox's own */
	ret->dsn = l->peer.offers[SMTP_EXT_DSN];
	ret->deliver_by = t->told_deadline;
	return 0;
}

/* RFC 2033 section 4.2: a reply for each who was accepted, in their order. */
static enum transaction_end
replies_one_by_one(struct transaction *t)
{
	struct outcome o;

	for (size_t i = 0; i < t->asked; i++) {
		int r;

		if (t->state[i] != RCPT_ACCEPTED)
			continue;
		r = hear(t, &o);
		if (r < 0)
			return lost(t, r);
		transaction_settle(t, i, &o);
	}
	return TRANSACTION_DONE;
}

/* Something between us and the server lets the offer of CHUNKING pass and BDAT not. */
static bool
no_such_command(const struct transaction *t)
{
	const int code = t->link->reply.code;

	return t->chunked && t->accepted && (code == 500 || code == 502) && payload_body(t->payload) != SMTP_BODY_BINARYMIME;
}

/* Over another connection: on this one the content has been read as commands. */
static enum transaction_end
once_more_by_data(struct transaction *t)
{
	transcript_fact(t->d->transcript, "CHUNKING was offered, but BDAT is not known: again by DATA");
	t->link->closed = true;
	t->d->by_data = true;
	return TRANSACTION_SPENT;
}

/* The content is out; what is said of it is for all who were accepted.  Of a chunk that nobody was to get, too, something is
 * said. */
static enum transaction_end
final_replies(struct transaction *t)
{
	struct outcome o;
	int r;

	if (t->link->lmtp && t->accepted)
		return replies_one_by_one(t);
	r = hear(t, &o);
	if (r < 0)
		return lost(t, r);
	if (no_such_command(t))
		return once_more_by_data(t);
	if (transaction_moves(t))
		return TRANSACTION_NEXT;
	settle_accepted(t, &o);
	return TRANSACTION_DONE;
}

/* All of the content is queued: out with it, and with what can be said of the next message. */
static enum transaction_end
flush_content(struct transaction *t)
{
	struct smtp_link *l = t->link;
	const uint64_t end = l->stream.octets_out + l->stream.out.n;
	int r;

	attempt_keep_on();
	ahead_announce(t);
	r = link_flush(l);
	if (r == 0)
		return final_replies(t);
	return l->stream.octets_out < end ? content_cut(t, r) : lost(t, r);
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
	int r;

	attempt_keep_on();		/* the last octets may leave before we know */
	r = payload_send_data(t->link, t->payload);
	return r < 0 ? content_cut(t, r) : flush_content(t);
}

static enum transaction_end
data_reply(struct transaction *t)
{
	struct smtp_link *l = t->link;
	struct outcome o;
	int r = link_reply(l, l->config->relay.data_timeout_ms);

	if (r == 0 && l->reply.code / 100 == 2)
		r = -EPROTO;
	if (r < 0) {
		link_outcome(l, r, "DATA", &t->why);
		l->closed = true;
		return TRANSACTION_NEXT;
	}
	if (l->reply.code / 100 == 3) {
		if (t->accepted)
			return send_content(t);
		send_nothing(t);
		return TRANSACTION_DONE;
	}
	if (!t->accepted && !l->closed)	/* RFC 5321 section 3.3: 503 or 554, as is right */
		return TRANSACTION_DONE;
	if (transaction_moves(t))
		return TRANSACTION_NEXT;
	outcome_from_reply(&o, &l->reply, slice_str(l->host));
	if (o.kind == OUTCOME_FAILED) {
		settle_accepted(t, &o);
		return TRANSACTION_DONE;
	}
	t->why = o;
	return TRANSACTION_NEXT;
}

enum transaction_end
content_run(struct transaction *t)
{
	if (t->blind)		/* it is out already */
		return final_replies(t);
	return t->chunked ? flush_content(t) : data_reply(t);
}
