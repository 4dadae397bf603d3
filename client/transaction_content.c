// SPDX-License-Identifier: ISC
/*
 * The content of a message and the replies to it.  DATA waits for the 354 before the content; the
 * content of BDAT follows its command at once, so it is queued already.  Each function returns how
 * the content ended and the outcome; none settles a recipient.
 */
#include "client/transaction.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/state.h"
#include "net/unacked.h"

/* Octets that TLS may send of its own accord while it reads, such as an update of its key. */
#define TLS_OWN_MAX 1024

static enum content_end
lost(struct transaction *t, int error, const char *doing, struct outcome *o)
{
	link_outcome(t->link, error, doing, o);
	return CONTENT_LOST;
}

/* Can the host have all of the content?  An idle link that it has closed takes nothing more.  A
 * host that closes acknowledges by that what it has read.  If it resets the connection, as
 * commands behind the content are unread, an earlier acknowledgement may still be due.  After a
 * time-out the kernel still sends what it has, even after the end of this process. */
static bool
may_be_there(const struct transaction *t, int error)
{
	const struct stream *s = &t->link->stream;
	const uint64_t behind = t->blind ? 0 : s->octets_out - t->content_end;
	struct unacked u;

	if (t->blind && s->out.n)
		return false;
	/* A socket of this machine does not count: its octets arrive as they are sent. */
	if ((error != -ECONNRESET && error != -EPIPE) || !unacked_look(t->link->fd, &u))
		return true;
	return behind ? u.queued - u.sent <= behind + TLS_OWN_MAX : u.queued == 0;
}

/* The host may keep replies until it is done with all that it has read at once (RFC 2920 section
 * 3.2), and have stored the message by then.  Earlier replies do not exclude that: the group may
 * have come in several parts, and replies can be lost on their way. */
bool
content_may_be_taken(const struct transaction *t, int error)
{
	if (!t->blind || !commands_all_sent(t) || commands_mail_refused(t))
		return false;
	return error != -ECONNABORTED && may_be_there(t, error);
}

/* The reply is missing, or is none. */
static enum content_end
no_reply(struct transaction *t, int error, struct outcome *o)
{
	t->error = error;
	if (!may_be_there(t, error))
		return content_cut(t, error, o);
	return lost(t, error,
	    error == -EPROTO ? "the message (it " OUTCOME_TWICE
			     : "waiting for the reply to the message (it " OUTCOME_TWICE, o);
}

enum content_end
content_unsure(struct transaction *t, int error, struct outcome *o)
{
	char doing[80];

	t->error = error;
	(void)snprintf(doing, sizeof doing, "%s (the message is out and " OUTCOME_TWICE,
	    commands_name(t));
	t->link->closed = true;
	return lost(t, error, doing, o);
}

enum content_end
content_cut(struct transaction *t, int error, struct outcome *o)
{
	struct smtp_link *l = t->link;

	t->error = error;
	if (error == -EIO) {
		outcome_set(o, CAUSE_LOCAL, SL(""), SL(PAYLOAD_UNREADABLE));
		return CONTENT_UNREADABLE;
	}
	if (!link_late_reply(l)) {
		if (l->reply.code)
			link_outcome(l, -EPROTO,
			    t->chunked ? "BDAT, before the end of the message"
				       : "DATA, before the end of the message", o);
		else
			link_outcome(l, error, "sending the message", o);
		return CONTENT_BROKEN;
	}
	commands_outcome(t, o);
	return CONTENT_REPLIED;
}

/* All recipients were refused, and DATA still got its 354: only the dot follows (RFC 2920 section
 * 3.1). */
static enum content_end
send_nothing(struct transaction *t)
{
	struct smtp_link *l = t->link;

	if (link_command(l, SL(".\r\n")) == 0)
		(void)link_reply(l, l->config->relay.dot_timeout_ms);
	l->dirty = false;
	return CONTENT_SETTLED;
}

/* The 354 has come. */
static enum content_end
send_data(struct transaction *t, struct outcome *o)
{
	const int64_t begun_ms = clock_ms();
	int r;

	if (!t->accepted)
		return send_nothing(t);
	attempt_keep_on();		/* the last octets may leave before we know */
	r = payload_send_data(t->link, t->payload);
	commands_spare_time(t, begun_ms);
	return r < 0 ? content_cut(t, r, o) : CONTENT_GO_ON;
}

static enum content_end
after_data(struct transaction *t, struct outcome *o)
{
	struct smtp_link *l = t->link;
	int r = link_reply(l, l->config->relay.data_timeout_ms);

	if (r == 0 && l->reply.code / 100 == 2)
		r = -EPROTO;
	if (r < 0) {
		link_outcome(l, r, "DATA", o);
		l->closed = true;
		return CONTENT_BROKEN;
	}
	if (l->reply.code / 100 == 3)
		return send_data(t, o);
	if (!t->accepted && !l->closed)	/* 503 or 554: the server is right (RFC 5321 section 3.3) */
		return CONTENT_SETTLED;
	commands_outcome(t, o);
	return o->kind == OUTCOME_FAILED ? CONTENT_REPLIED : CONTENT_PUT_OFF;
}

enum content_end
content_queue(struct transaction *t, struct outcome *o)
{
	const struct stream *s = &t->link->stream;
	enum content_end end = t->chunked ? CONTENT_GO_ON : after_data(t, o);

	t->content_end = s->octets_out + s->out.n;
	return end;
}

/* Has the host replied, or closed, before it can have the end of the message?  Such a 250 would
 * count as the reply to the message, and the true one might refuse it.  A refusal of BDAT may come
 * at any time. */
static int
check_early(struct transaction *t)
{
	struct stream *s = &t->link->stream;
	ssize_t n;

	if (s->octets_out >= t->content_end || stream_quiet(s))
		return 0;
	/* TLS has records without a content. */
	n = stream_pending(s).n ? 1 : stream_fill(s, 0);
	if (n == -ETIMEDOUT || n == -EINTR)
		return 0;
	if (t->chunked && (n <= 0 || stream_pending(s).p[0] != '2'))
		return 0;
	t->link->closed = true;
	return n < 0 ? (int)n : -ECONNRESET;
}

enum content_end
content_flush(struct transaction *t, struct outcome *o)
{
	const int64_t begun_ms = clock_ms();
	int r = check_early(t);

	if (r == 0)
		r = link_flush(t->link);
	commands_spare_time(t, begun_ms);
	if (r == 0)
		return CONTENT_GO_ON;
	if (t->link->stream.octets_out < t->content_end)
		return content_cut(t, r, o);
	return no_reply(t, r, o);
}

/* Does another reply follow, which is none to a command?  421 may come at any time. */
static bool
reply_follows(const struct transaction *t)
{
	const struct slice next = stream_pending(&t->link->stream);

	return t->chunked && !t->link->lmtp && !t->d->client->ahead && next.n > 3 &&
	    next.p[0] >= '2' && next.p[0] <= '5' && next.p[1] >= '0' && next.p[1] <= '9' &&
	    !slice_has_prefix(next, SL("421"));
}

/*
 * Is this 250 none to the message?  A host that has the end of it acknowledges that at the latest
 * with its reply.  If it has sent one reply too many, those to the recipients count as that to the
 * message, and its own one follows.
 */
static bool
is_foreign(const struct transaction *t)
{
	const struct smtp_link *l = t->link;
	const bool last = t->blind || l->stream.octets_out == t->content_end;
	const unsigned most = l->stream.tls ? TLS_OWN_MAX : 0;
	struct unacked u;

	if (l->reply.code / 100 != 2)
		return false;
	return reply_follows(t) || (last && unacked_look(l->fd, &u) && u.queued > most);
}

enum content_end
content_reply_one(struct transaction *t, struct outcome *o)
{
	struct smtp_link *l = t->link;
	int r = link_reply(l, l->config->relay.dot_timeout_ms);

	if (r < 0)
		return no_reply(t, r, o);
	if (is_foreign(t)) {
		l->closed = true;
		return no_reply(t, -EPROTO, o);
	}
	/* A refused chunk may leave a transaction open: RSET clears it (RFC 3030 section 2). */
	l->dirty = l->dirty && t->chunked && l->reply.code / 100 != 2;
	l->closed |= l->reply.code / 100 == 3;		/* unclear what the server waits for */
	commands_outcome(t, o);
	l->served |= l->reply.code / 100 == 2;
	o->reach = l->lmtp ? REACH_END : REACH_SERVER;	/* an LMTP server is the mailbox's own */
	o->dsn = l->peer.offers[SMTP_EXT_DSN];
	o->deliver_by = t->sent_deadline;
	return CONTENT_REPLIED;
}

/* Is the status one of a system, an address, a content or a policy (RFC 3463)?  Then the reply is
 * about the message, whatever brought it. */
static bool
about_message(struct slice status)
{
	return status.n >= 5 && strchr("12367", status.p[2]) && !slice_eq(status, SL("5.3.3"));
}

/* A proxy in between can let the offer of CHUNKING pass and refuse BDAT, with any code.  A host
 * that has taken a chunk knows BDAT. */
static bool
bdat_refused(const struct transaction *t)
{
	const struct smtp_peer_reply *r = &t->link->reply;

	return t->chunked && t->accepted && !t->link->took_chunk && r->code / 100 == 5 &&
	    !about_message(smtp_peer_reply_status(r)) &&
	    payload_body(t->payload) != SMTP_BODY_BINARYMIME;
}

enum content_end
content_reply(struct transaction *t, struct outcome *o)
{
	enum content_end end = content_reply_one(t, o);

	t->link->took_chunk |= t->chunked && t->link->reply.code / 100 == 2;
	return end == CONTENT_REPLIED && bdat_refused(t) ? CONTENT_NO_BDAT : end;
}
