// SPDX-License-Identifier: ISC
/*
 * The commands of a transaction and the replies to them.  With PIPELINING (RFC 2920) they leave in
 * groups, else one by one; each reply is matched to its command.  The last command is DATA or BDAT.
 * Nothing here settles a recipient.
 */
#include "client/transaction.h"

#include <errno.h>
#include <inttypes.h>

#include "attempt/deadline.h"
#include "base/clock.h"
#include "client/state.h"
#include "client/tls_policy.h"
#include "smtp/extension.h"
#include "smtp/verp.h"

/* If the sender wants a late message back, the next server must offer DELIVERBY (RFC 2852 section
 * 4.2). */
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

/* RFC 1870 section 6.1. */
static bool
too_big(const struct client_offer *peer, uint64_t size, struct buf *why)
{
	if (!peer->offers[SMTP_EXT_SIZE] || !peer->max_size || size <= peer->max_size)
		return false;
	buf_fmt(why, "the message has %" PRIu64 " octets, "
	    "and the exchanger accepts %" PRIu64 " at most", size, peer->max_size);
	return true;
}

/* The sender's declaration alone is no need: much ASCII mail is declared so. */
static bool
needs_smtputf8(const struct queue_entry *e)
{
	return !slice_is_ascii(e->from) || (e->facts.utf8_header &&
	    smtp_extension_used(e->from_params, SMTP_EXT_SMTPUTF8));
}

enum outcome_cause
commands_fit_message(const struct queue_entry *e, const struct payload *p,
    const struct smtp_link *l, struct buf *why)
{
	const struct client_offer *peer = &l->peer;

	if (too_big(peer, payload_chunk_size(p), why))
		return CAUSE_TOO_BIG;
	if (p->facts.binary && lacks(peer, SMTP_EXT_BINARYMIME, why))	/* RFC 3030 section 3 */
		return CAUSE_BINARY;
	if (needs_smtputf8(e) &&
	    lacks(peer, SMTP_EXT_SMTPUTF8, why))
		return CAUSE_NO_SMTPUTF8;
	if (tls_policy_requiretls(e) && !l->lmtp) {
		/* An announcement in the clear is worth nothing (RFC 8689 section 4.2.1). */
		if (!l->verified || !l->named) {
			buf_str(why, "the sender demands TLS (REQUIRETLS), "
			    "and this exchanger does not offer it");
			return CAUSE_TLS_NEEDED;
		}
		if (lacks(peer, SMTP_EXT_REQUIRETLS, why))
			return CAUSE_NO_REQUIRETLS;
	}
	if (p->facts.eight_bit && !p->facts.binary && lacks(peer, SMTP_EXT_8BITMIME, why))
		return CAUSE_NO_8BIT;	/* RFC 6152 section 3 */
	return fit_time(e, l, why);
}

enum outcome_cause
commands_fit_rcpt(const struct queue_rcpt *rcpt, const struct smtp_link *l, struct buf *why)
{
	if (l->peer.offers[SMTP_EXT_SMTPUTF8] || slice_is_ascii(rcpt->path))
		return CAUSE_DELIVERED;
	buf_fmt(why, "the address needs %s, which the exchanger does not offer",
	    smtp_extension(SMTP_EXT_SMTPUTF8)->keyword.p);
	return CAUSE_NO_SMTPUTF8;
}

/* Some servers offer PIPELINING, but drop what came in one read with the final dot, as Courier
 * does: they wait for commands, and we for replies.  A server that is only slow is asked again over
 * a new connection, and nothing is lost. */
#define UNHEARD_MS 10000

/* After so many attempts a message is sent by DATA. */
#define BDAT_ATTEMPTS 2

/* The number of a command in its transaction.  Recipient i has AT_RCPT + i; the last follows. */
enum { AT_RSET, AT_MAIL, AT_RCPT };

/* DATA or BDAT. */
static size_t
last_command(const struct transaction *t)
{
	return AT_RCPT + t->asked;
}

/* A message that does not get through by BDAT, where others do, is sent by DATA in the end. */
bool
commands_prefer_data(const struct transaction *t)
{
	const struct smtp_link *l = t->link;

	return t->d->client->by_data || l->by_data ||
	    (t->e->attempts >= BDAT_ATTEMPTS && !l->took_chunk);
}

void
commands_begin(struct transaction *t)
{
	t->sent = t->replied = t->link->dirty ? AT_RSET : AT_MAIL;
}

void
commands_spare_time(struct transaction *t, int64_t since_ms)
{
	if (t->link->end_ms)
		t->link->end_ms += clock_ms() - since_ms;
}

bool
commands_all_sent(const struct transaction *t)
{
	return t->sent > last_command(t);
}

bool
commands_all_replied(const struct transaction *t)
{
	return t->replied >= last_command(t);
}

bool
commands_at_mail(const struct transaction *t)
{
	return t->replied == AT_MAIL;
}

bool
commands_mail_refused(const struct transaction *t)
{
	return t->replied > AT_MAIL && !t->mail_accepted;
}

bool
commands_broke_chunk(const struct transaction *t, int error)
{
	return t->chunked && commands_all_sent(t) && link_broke(t->link, error);
}

bool
commands_broke_group(const struct transaction *t, int error)
{
	return t->sent - t->replied > 1 && link_broke(t->link, error);
}

const char *
commands_name(const struct transaction *t)
{
	if (t->replied == AT_RSET)
		return "RSET";
	if (t->replied == AT_MAIL)
		return "MAIL FROM";
	if (t->replied < last_command(t))
		return "RCPT TO";
	return t->chunked ? "BDAT" : "DATA";
}

/* The rest of the sender's time is computed when MAIL is written, not earlier (RFC 2852). */
static void
put_mail(struct transaction *t, struct buf *b)
{
	const struct queue_entry *e = t->e;
	const struct client_offer *peer = &t->link->peer;
	const int64_t now_s = clock_wall_s();
	const struct deadline deadline = deadline_of(e);
	char space[CLIENT_COMMAND_MAX];
	struct buf params = BUF(space);
	struct slice from = e->from;
	struct smtp_path own;

	if (e->verp && smtp_verp_make(from, e->rcpts[t->left[0]].path, &own))
		from = smtp_path_text(&own);
	client_mail(b, peer, from, deadline_params(e, peer, now_s, &params),
	    payload_chunk_size(t->payload), payload_body(t->payload));
	b->full |= params.full;
	t->sent_deadline = deadline_fits(&deadline, peer, now_s);
}

static void
put_command(struct transaction *t, size_t command, struct buf *b)
{
	const struct queue_entry *e = t->e;

	if (command == AT_RSET) {
		buf_str(b, "RSET\r\n");
	} else if (command == AT_MAIL) {
		put_mail(t, b);
	} else if (command < last_command(t)) {
		const struct queue_rcpt *r = &e->rcpts[t->left[command - AT_RCPT]];

		client_rcpt(b, &t->link->peer, r->path, r->params);
	} else if (t->chunked) {
		buf_fmt(b, "BDAT %" PRIu64 " LAST\r\n", payload_chunk_size(t->payload));
	} else {
		buf_str(b, "DATA\r\n");
	}
}

/* The content follows BDAT at once: no command can stand between them. */
static int
send_command(struct transaction *t)
{
	char space[CLIENT_COMMAND_MAX];
	struct buf b = BUF(space);
	int64_t begun_ms;
	int r;

	put_command(t, t->sent, &b);
	r = b.full ? -EMSGSIZE : link_command(t->link, buf_slice(&b));
	if (r == 0 && t->chunked && t->sent == last_command(t)) {
		begun_ms = clock_ms();
		r = payload_send_chunk(t->link, t->payload);
		commands_spare_time(t, begun_ms);
	}
	return r;
}

/* Does the next command make sense, by the replies so far? */
static bool
makes_sense(const struct transaction *t)
{
	if (commands_mail_refused(t))
		return false;
	if (t->sent < last_command(t))
		return true;
	if (t->sent > last_command(t))
		return false;
	if (t->replied == last_command(t))
		return t->accepted > 0;
	return !t->chunked || t->blind;
}

/* A group begins when all commands before it have replies. */
static int
send_group(struct transaction *t)
{
	size_t group = t->link->peer.offers[SMTP_EXT_PIPELINING] ? COMMANDS_GROUP : 1;
	int r = 0;

	if (t->sent != t->replied)
		return 0;
	while (r == 0 && t->sent - t->replied < group && makes_sense(t)) {
		r = send_command(t);
		if (r == 0)
			t->sent++;
	}
	return r;
}

/* A chunk that is refused may leave a transaction open, and MAIL must find none: RSET first. */
int
commands_send_ahead(struct transaction *t, bool after_chunk)
{
	t->sent = t->replied = after_chunk ? AT_RSET : AT_MAIL;
	return send_group(t);
}

void
commands_record(struct transaction *t)
{
	for (size_t i = t->replied; i < t->sent; i++) {
		char space[CLIENT_COMMAND_MAX];
		struct buf b = BUF(space);

		put_command(t, i, &b);
		transcript_sent(t->d->transcript, buf_slice(&b));
	}
}

void
commands_outcome(const struct transaction *t, struct outcome *o)
{
	const struct smtp_link *l = t->link;

	outcome_from_reply(o, &l->reply, slice_str(l->host));
	/* Some close without 421. */
	if (l->reply.code == 421 || (l->reply.code / 100 == 4 && l->transactions == 1 &&
	    t->d->client->cut))
		o->bar = BAR_SESSION;
}

/* Is the link one that may have ended, or lost what was sent ahead, without a sign?  To ask again
 * over a new one costs nothing, unless the host is as slow there. */
static bool
may_be_deaf(const struct transaction *t)
{
	return !t->d->client->slow && !t->replied_to &&
	    (t->unheard || (t->link->transactions > 1 && !t->blind));
}

/* A server may keep its replies until it has read all that was sent (RFC 2920 section 3.2).  After
 * a chunk, that can take until it is done with the message. */
static uint64_t
reply_timeout(const struct transaction *t)
{
	const uint64_t dot_ms = t->link->config->relay.dot_timeout_ms;
	const uint64_t command_ms = t->link->config->relay.command_timeout_ms;

	if (may_be_deaf(t) && command_ms > UNHEARD_MS)
		return UNHEARD_MS;
	return t->blind && dot_ms > command_ms ? dot_ms : command_ms;
}

static int
read_reply(struct transaction *t)
{
	struct smtp_link *l = t->link;
	const int64_t begun_ms = clock_ms();
	int r = link_reply(l, reply_timeout(t));

	t->d->client->slow |= !t->blind && clock_ms() - begun_ms >= UNHEARD_MS &&
	    l->transactions == 1;
	if (r < 0)
		return r;
	if (l->reply.code / 100 == 3)	/* only DATA has such a reply */
		return -EPROTO;
	return l->reply.code == 421 ? -ECONNABORTED : 0;
}

/* Has the host sent a reply before it was asked anything?  Each later one would count for the next
 * command, and the reply to the last RCPT for the message.  With DATA, a 250 in place of the 354
 * shows it. */
static int
check_stray(struct transaction *t)
{
	struct stream *s = &t->link->stream;
	int r;

	if (!t->chunked || t->sent != t->replied || commands_all_sent(t) || t->link->closed ||
	    stream_quiet(s))
		return 0;
	/* TLS has records without a content.  The end of the connection shows by itself, and a
	 * refusal counts for what comes next. */
	if (!stream_pending(s).n && stream_fill(s, 0) <= 0)
		return 0;
	if (stream_pending(s).p[0] != '2')
		return 0;
	r = read_reply(t);
	t->link->closed = true;
	return r < 0 ? r : -EPROTO;
}

int
commands_step(struct transaction *t, enum commands_reply *ret, size_t *ret_rcpt)
{
	int r = check_stray(t);

	if (r == 0)
		r = send_group(t);
	*ret = COMMANDS_OVER;
	*ret_rcpt = 0;
	if (r < 0 || t->replied == t->sent || t->replied == last_command(t))
		return r;
	r = read_reply(t);
	if (r < 0)
		return r;
	t->unheard = false;
	t->replied_to = true;
	if (t->replied == AT_MAIL) {
		*ret = COMMANDS_MAIL;
	} else if (t->replied >= AT_RCPT) {
		*ret = COMMANDS_RCPT;
		*ret_rcpt = t->replied - AT_RCPT;
	} else {
		*ret = COMMANDS_RSET;
	}
	t->replied++;
	return 0;
}
