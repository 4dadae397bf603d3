// SPDX-License-Identifier: ISC
/*
 * One message over one link (RFC 5321 section 3.3).  The steps, in their order:
 *
 *	1. The fit: the form of the message that this peer takes (form_for), and the recipients to
 *	   ask for (make_plan).
 *	2. RSET, MAIL, RCPT, DATA or BDAT go out, in groups if the peer offers PIPELINING
 *	   (commands_step).
 *	3. Each reply to MAIL and RCPT counts: accepted, refused, or left for later
 *	   (take_mail_reply, take_rcpt_reply).
 *	4. The content is queued, after the 354 or right after BDAT (content_queue).
 *	5. The commands of the next message are queued behind it (send_next_ahead).  So a warm link
 *	   costs one round trip a message.
 *	6. All of it leaves (content_flush).
 *	7. The final reply comes, over LMTP one for each recipient (read_final_replies).
 *	8. The outcomes are settled, each at once and only once (settle_content).  Recipients that
 *	   are left are for another transaction, session or host.
 *
 * A small content that travels by BDAT goes out with the commands, in step 2 (t->blind).  Nothing
 * here chooses a host.
 */
#include "client/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/auth.h"
#include "client/ipv6_refused.h"
#include "client/state.h"
#include "client/tls_policy.h"
#include "client/tls_required.h"
#include "queue/lease.h"

/*
 * A content of at most BLIND_MAX octets follows the RCPTs at once if it travels by BDAT.  That
 * saves a round trip.  If all recipients are refused, the content is sent in vain.  Its octets
 * would fit into the first round trips of a connection.
 */
#define BLIND_MAX 65536

/* Each recipient adds this part of transaction-timeout to the time: a minute to 15. */
#define TIME_SHARES 15

/* A machine that has lost its queue sends nothing. */
static bool
holds_lease(const void *ctx)
{
	return queue_lease_wait(ctx);
}

struct transaction *
transaction_new(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct transaction *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->d = d;
	t->e = e;
	form_init(&t->form, d, e);
	outcome_set(&t->why, CAUSE_LOST, SL(""), SL("no exchanger took the message"));
	t->left = malloc((n ? n : 1) * sizeof *t->left);
	t->state = malloc(n ? n : 1);
	if (!t->left || !t->state) {
		transaction_free(t);
		return NULL;
	}
	memcpy(t->left, rcpts, n * sizeof *rcpts);
	memset(t->state, RCPT_LATER, n);
	t->nleft = n;
	return t;
}

void
transaction_free(struct transaction *t)
{
	if (!t)
		return;
	free(t->left);
	free(t->state);
	form_done(&t->form);
	free(t);
}

/* ---- outcomes ---- */

static void
settle(struct transaction *t, size_t i, const struct outcome *o)
{
	const struct smtp_link *l = t->d->client->link;
	struct outcome full = *o;

	if (l && o->host[0])
		(void)snprintf(full.tls, sizeof full.tls, "%s", l->tls);
	t->state[i] = RCPT_SETTLED;
	t->served = true;
	if (o->kind != OUTCOME_DEFERRED)
		t->vain = 0;
	attempt_report(t->d, t->e, t->left[i], &full);
}

static void
settle_accepted(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->asked; i++)
		if (t->state[i] == RCPT_ACCEPTED)
			settle(t, i, o);
	t->accepted = 0;
}

void
transaction_settle_rest(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_SETTLED)
			settle(t, i, o);
	t->nleft = 0;
}

static void
drop_settled(struct transaction *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_SETTLED)
			t->left[kept++] = t->left[i];
	t->nleft = kept;
	memset(t->state, RCPT_LATER, kept);
}

/* Does the reply refuse our IPv6 address, where IPv4 is left to try?  Then it settles nobody. */
static bool
refuses_ipv6(struct transaction *t)
{
	const struct smtp_link *l = t->link;

	if (!ipv6_refused(l))
		return false;
	outcome_set_reply(&t->why, CAUSE_REPLY_TEMPORARY, &l->reply, slice_str(l->host));
	t->moved = true;
	return true;
}

/* ---- step 1: the fit ---- */

enum plan {
	PLAN_READY,
	PLAN_SPENT,		/* this session takes no more; a new one to the same host would */
	PLAN_UNFIT,		/* this peer cannot carry the rest: t->unfit has the reason */
	PLAN_HOPELESS,		/* nor can any other host of the domain */
	PLAN_REFUSED,		/* this host has refused all that it can carry: t->why */
	PLAN_BROKEN,		/* an error of our own: t->why has it */
};

static void
swap_left(struct transaction *t, size_t i, size_t k)
{
	uint32_t rcpt = t->left[i];
	unsigned char state = t->state[i];

	t->left[i] = t->left[k];
	t->state[i] = t->state[k];
	t->left[k] = rcpt;
	t->state[k] = state;
}

/* Another host can offer more.  The size limit is the domain's policy, and time passes on every
 * host. */
static bool
fits_elsewhere(enum outcome_cause cause)
{
	return cause != CAUSE_TOO_BIG && cause != CAUSE_DEADLINE;
}

/* A host that refused EHLO for now may offer more tomorrow: then the mail waits. */
static void
mark_unfit(struct transaction *t, enum outcome_cause cause, struct buf *why)
{
	if (t->form.unconvertible && (cause == CAUSE_NO_8BIT || cause == CAUSE_BINARY))
		buf_fmt(why, "; it cannot be converted: %s", t->form.unconvertible);
	if (t->link->silent && fits_elsewhere(cause)) {
		buf_str(why, "; it refused EHLO, and may offer more later");
		cause = CAUSE_REFUSED_SESSION;
	}
	outcome_set(&t->unfit, cause, slice_str(t->link->host), buf_slice(why));
	t->any_unfit = true;
}

/* Put the recipients of this transaction in front: as many, and of as many domains, as the peer
 * takes at once (RFC 9422). */
static void
choose_recipients(struct transaction *t)
{
	/* With a reverse-path for each recipient, MAIL is for one. */
	const unsigned most = t->e->verp ? 1 : t->link->peer.limits.rcpt_max;

	t->asked = 0;
	memset(t->state, RCPT_LATER, t->nleft);
	for (size_t i = 0; i < t->nleft - t->nput_off && (most == 0 || t->asked < most); i++) {
		const struct queue_rcpt *rcpt = &t->e->rcpts[t->left[i]];
		char space[OUTCOME_DETAIL];
		struct buf why = BUF(space);
		enum outcome_cause cause = commands_fit_rcpt(rcpt, t->link, &why);

		if (cause != CAUSE_DELIVERED) {
			t->state[i] = RCPT_UNFIT;
			mark_unfit(t, cause, &why);
		} else if (link_domain(t->link, rcpt->domain)) {
			t->state[i] = RCPT_ASKED;
			swap_left(t, i, t->asked++);
		}
	}
}

/* No recipient can be asked for: because of this session, or of the peer? */
static enum plan
nobody(const struct transaction *t)
{
	for (size_t i = 0; i < t->nleft - t->nput_off; i++)
		if (t->state[i] == RCPT_LATER)
			return PLAN_SPENT;
	return t->nput_off ? PLAN_REFUSED : PLAN_UNFIT;
}

/* The octets, the recipients and the commands of a transaction over l. */
static enum plan
make_plan(struct transaction *t, struct smtp_link *l)
{
	const unsigned most = l->peer.limits.mail_max;
	char space[OUTCOME_DETAIL];
	struct buf why = BUF(space);
	enum outcome_cause cause;

	t->link = l;
	l->stream.gate = (struct stream_gate){ holds_lease, t->e->lease };
	t->accepted = t->asked = 0;
	t->lost = t->moved = t->no_bdat = t->no_chunk = t->no_ahead = t->unheard = false;
	t->broke_chunk = t->broke_group = t->replied_to = false;
	t->mail_accepted = t->elsewhere = t->spent = t->refused = t->in_clear = false;
	if (most && l->transactions >= most)
		return PLAN_SPENT;
	if (!form_for(&t->form, &l->peer, &t->payload, &t->why))
		return PLAN_BROKEN;
	cause = commands_fit_message(t->e, t->payload, l, &why);
	if (cause != CAUSE_DELIVERED) {
		mark_unfit(t, cause, &why);
		return fits_elsewhere(cause) ? PLAN_UNFIT : PLAN_HOPELESS;
	}
	choose_recipients(t);
	if (t->asked == 0)
		return nobody(t);
	t->chunked = l->peer.offers[SMTP_EXT_CHUNKING] && (!commands_prefer_data(t) ||
	    payload_body(t->payload) == SMTP_BODY_BINARYMIME);
	t->blind = t->chunked && l->peer.offers[SMTP_EXT_PIPELINING] &&
	    !(t->d->client->one_by_one && l->took_mail) &&
	    t->payload->size <= BLIND_MAX && t->asked + 2 < COMMANDS_GROUP;
	commands_begin(t);
	return PLAN_READY;
}

/* No command was sent. */
static enum transaction_end
not_begun(struct transaction *t, enum plan plan)
{
	if (plan == PLAN_SPENT)
		return TRANSACTION_SPENT;
	if (plan == PLAN_REFUSED) {
		t->refused = true;
		return TRANSACTION_NEXT;
	}
	/* Inside TLS a host may offer more. */
	if (t->link->downgraded && (plan == PLAN_UNFIT || plan == PLAN_HOPELESS)) {
		outcome_set(&t->why, CAUSE_REFUSED_SESSION, slice_str(t->unfit.host),
		    slice_str(t->unfit.detail));
		return TRANSACTION_BY_TLS;
	}
	if (plan == PLAN_UNFIT)
		return TRANSACTION_UNFIT;
	transaction_settle_rest(t, plan == PLAN_HOPELESS ? &t->unfit : &t->why);
	return TRANSACTION_DONE;
}

/* ---- steps 2 and 3: commands and their replies ---- */

/* The outcome of a refusal. */
static void
judge(const struct transaction *t, struct outcome *o)
{
	const struct smtp_link *l = t->link;

	if (!auth_missing(l, t->d->route, o))
		commands_outcome(t, o);
}

/* A refusal by a host that is spared TLS settles nobody: it may be for the lack of TLS. */
static bool
refuses_clear(struct transaction *t)
{
	const struct smtp_link *l = t->link;

	if (!l->downgraded)
		return false;
	outcome_set_reply(&t->why, l->reply.code / 100 == 4 ? CAUSE_REPLY_TEMPORARY :
	    CAUSE_REFUSED_SESSION, &l->reply, slice_str(l->host));
	t->in_clear = true;
	return true;
}

/* Some servers refuse every further message of a session, with any code.  530 demands a login (RFC
 * 4954 section 6), which a new session does not have either.  Nor does it help a sender that one
 * has refused, too, or whose address is refused for now. */
static bool
ends_session(const struct transaction *t)
{
	const struct smtp_link *l = t->link;
	const struct slice status = smtp_peer_reply_status(&l->reply);

	return l->took_mail && l->reply.code != 530 &&
	    !(l->reply.code / 100 == 4 && (outcome_of_address(status) ||
	    refusals_known(&t->d->client->refusals, t->e->from)));
}

/* The host takes this message not now.  The session is good for the next one, after RSET. */
static void
put_off_message(struct transaction *t, const struct outcome *o)
{
	struct smtp_link *l = t->link;

	t->why = *o;
	t->why.bar = BAR_MAIL;
	t->refused = l->dirty = true;
	t->nrefused++;
	refusals_add(&t->d->client->refusals, t->e->from, !l->took_mail, o, clock_ms());
	if (t->e->verp && !l->others) {
		l->last_resort = true;
		settle(t, 0, &t->why);
	}
}

static void
take_mail_reply(struct transaction *t)
{
	struct smtp_link *l = t->link;
	struct outcome o;
	size_t n;

	t->mail_accepted = l->reply.code / 100 == 2;
	l->dirty = t->mail_accepted;
	if (t->mail_accepted) {
		l->took_mail = true;
		l->last_resort = false;
		t->nrefused = 0;
		refusals_end(&t->d->client->refusals, t->e->from);
	}
	if (t->mail_accepted || refuses_ipv6(t) || refuses_clear(t))
		return;
	t->spent = ends_session(t);
	if (t->spent)
		return;
	judge(t, &o);
	if (o.kind != OUTCOME_FAILED && o.cause != CAUSE_LOGIN) {
		put_off_message(t, &o);
		return;
	}
	/* With VERP, the next recipient has another reverse-path. */
	n = t->e->verp && o.cause != CAUSE_LOGIN ? t->asked : t->nleft;
	for (size_t i = 0; i < n; i++)
		settle(t, i, &o);
}

/* Does the peer refuse for now, for a reason that other hosts need not have?  450, and a status
 * X.2.z, are about the mailbox (RFC 3463). */
static bool
asks_elsewhere(const struct smtp_link *l)
{
	const struct smtp_peer_reply *r = &l->reply;
	const struct slice status = smtp_peer_reply_status(r);

	return l->others && !l->lmtp && r->code / 100 == 4 && r->code != 450 &&
	    !slice_has_prefix(status, SL("4.2."));
}

static void
take_rcpt_reply(struct transaction *t, size_t i)
{
	const int code = t->link->reply.code;
	struct outcome o;

	if (!t->mail_accepted)
		return;
	if (code / 100 == 2) {
		t->state[i] = RCPT_ACCEPTED;
		t->accepted++;
	} else if ((smtp_peer_reply_too_many(&t->link->reply) && t->accepted) || refuses_ipv6(t) ||
	    refuses_clear(t)) {
		t->state[i] = RCPT_AGAIN;
	} else if (asks_elsewhere(t->link)) {
		t->state[i] = RCPT_ELSEWHERE;
		t->elsewhere = true;
		judge(t, &t->why);
	} else {
		judge(t, &o);
		settle(t, i, &o);
	}
}

/* Send commands and read replies until DATA or BDAT is sent and all commands before it have
 * replies.  Ends earlier if no recipient is left.  0, or as commands_step(). */
static int
run_commands(struct transaction *t)
{
	enum commands_reply reply;
	size_t i;
	int r;

	do {
		r = commands_step(t, &reply, &i);
		if (r == 0 && reply == COMMANDS_MAIL)
			take_mail_reply(t);
		else if (r == 0 && reply == COMMANDS_RCPT)
			take_rcpt_reply(t, i);
	} while (r == 0 && reply != COMMANDS_OVER);
	return r;
}

/* ---- steps 4 to 8: the content and its replies ---- */

/* Does none of t's recipients need another transaction? */
static bool
is_last(const struct transaction *t)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_ACCEPTED && t->state[i] != RCPT_SETTLED)
			return false;
	return true;
}

/* A message that goes in one piece by BDAT needs no help: it costs one round trip already. */
static bool
send_ahead(struct transaction *next, struct smtp_link *l, bool after_chunk)
{
	if (make_plan(next, l) != PLAN_READY || next->blind)
		return false;
	l->transactions++;
	next->ahead = next->unheard = true;
	return commands_send_ahead(next, after_chunk) == 0;
}

bool
transaction_may_use(const struct delivery *d, const struct smtp_link *l,
    const struct queue_entry *e)
{
	if (!d->route->user && clock_ms() >= l->until_ms)
		return false;
	return ((l->verified && l->named) || !tls_policy_requiretls(e)) &&
	    (!l->waived || tls_required_waived(e));
}

/*
 * Queue the commands of the next message, if it is known and may go over the same link (RFC 2920
 * section 3.1).  Their replies are read when its turn comes.  If the link breaks before that, the
 * message begins afresh.
 */
static void
send_next_ahead(struct transaction *t)
{
	struct delivery *d = t->d;
	struct smtp_link *l = t->link;
	struct transcript *transcript = d->transcript;
	struct transaction *next;
	struct attempt_job job;

	if (!d->next || d->client->one_by_one || !l->peer.offers[SMTP_EXT_PIPELINING] ||
	    l->closed || !is_last(t) || !d->next(d->next_ctx, &job) ||
	    !transaction_may_use(d, l, job.e))
		return;
	next = transaction_new(d, job.e, job.rcpts, job.n);
	if (!next)
		return;
	d->transcript = l->transcript = NULL;	/* it is still the transcript of t */
	if (send_ahead(next, l, t->chunked))
		d->client->ahead = next;
	else
		transaction_free(next);
	d->transcript = l->transcript = transcript;
}

/* A host may take so many messages in a session, and end it at the content of the next one. */
static bool
has_enough(const struct smtp_link *l)
{
	return l->reply.code == 421 && l->served;
}

/* RFC 2033 section 4.2: a reply for each who was accepted, in their order. */
static enum content_end
read_replies_one_by_one(struct transaction *t, struct outcome *o)
{
	/* With several, those behind 421 may be delivered: they wait. */
	const bool again = t->link->served && t->accepted == 1;

	for (size_t i = 0; i < t->asked; i++) {
		enum content_end end;

		if (t->state[i] != RCPT_ACCEPTED)
			continue;
		end = content_reply_one(t, o);
		if (end != CONTENT_REPLIED || (again && has_enough(t->link)))
			return end;
		settle(t, i, o);
	}
	return CONTENT_SETTLED;
}

/* The server also replies to a chunk when all recipients were refused. */
static enum content_end
read_final_replies(struct transaction *t, struct outcome *o)
{
	if (t->link->lmtp && t->accepted)
		return read_replies_one_by_one(t, o);
	return content_reply(t, o);
}

/* On this link the server has read the content as commands: repeat over another one.  With any
 * other code than that of an unknown command, DATA will show whether the message was refused. */
static enum transaction_end
repeat_by_data(struct transaction *t)
{
	const int code = t->link->reply.code;

	transcript_fact(t->d->transcript,
	    "the host offers CHUNKING but refuses BDAT: trying again with DATA");
	t->link->closed = true;
	t->d->client->by_data = true;
	t->no_bdat = (code >= 500 && code <= 504) || code == 555;
	t->no_chunk = !t->no_bdat;
	return TRANSACTION_SPENT;
}

/* The host takes the content not now.  If no other one is left, that is the outcome, and the
 * session is good for the next message: a host that limits rates counts connections, too. */
static enum transaction_end
put_off_content(struct transaction *t, const struct outcome *o)
{
	if (has_enough(t->link))
		return TRANSACTION_SPENT;
	if (!t->link->closed && !t->link->others) {
		settle_accepted(t, o);
		return TRANSACTION_DONE;
	}
	t->why = *o;
	t->elsewhere = !t->link->closed;
	return t->elsewhere ? TRANSACTION_DONE : TRANSACTION_NEXT;
}

static enum transaction_end
settle_content(struct transaction *t, enum content_end end, const struct outcome *o)
{
	/* The reply to MAIL explains more than that to a chunk which it has made useless. */
	if (end == CONTENT_REPLIED && !t->mail_accepted)
		return TRANSACTION_DONE;
	if ((end == CONTENT_REPLIED || end == CONTENT_PUT_OFF) && refuses_ipv6(t))
		return TRANSACTION_NEXT;
	if ((end == CONTENT_REPLIED || end == CONTENT_PUT_OFF) &&
	    o->kind != OUTCOME_DELIVERED && refuses_clear(t))
		return TRANSACTION_NEXT;
	if (end == CONTENT_REPLIED && o->kind == OUTCOME_DEFERRED &&
	    (asks_elsewhere(t->link) || has_enough(t->link)))
		end = CONTENT_PUT_OFF;
	switch (end) {
	case CONTENT_GO_ON:
	case CONTENT_SETTLED:
		return TRANSACTION_DONE;
	case CONTENT_LOST:		/* no other host now: it could deliver a second copy */
		t->lost = true;
		t->broke_chunk = commands_broke_chunk(t, t->error);
		settle_accepted(t, o);
		return TRANSACTION_DONE;
	case CONTENT_REPLIED:
		settle_accepted(t, o);
		return TRANSACTION_DONE;
	case CONTENT_UNREADABLE:
		transaction_settle_rest(t, o);
		return TRANSACTION_DONE;
	case CONTENT_BROKEN:
		t->broke_chunk = commands_broke_chunk(t, t->error);
		if (!commands_mail_refused(t))
			t->why = *o;
		return TRANSACTION_NEXT;
	case CONTENT_PUT_OFF:
		return put_off_content(t, o);
	case CONTENT_NO_BDAT:
		break;
	}
	return repeat_by_data(t);
}

/* DATA or BDAT is out. */
static enum transaction_end
run_content(struct transaction *t)
{
	enum content_end end = CONTENT_GO_ON;
	struct outcome o;

	t->link->end_ms += t->share_ms;
	if (!t->blind)		/* else the content has left with the commands */
		end = content_queue(t, &o);
	if (!t->blind && end == CONTENT_GO_ON) {
		attempt_keep_on();
		send_next_ahead(t);
		end = content_flush(t, &o);
	}
	if (end == CONTENT_GO_ON)
		end = read_final_replies(t, &o);
	return settle_content(t, end, &o);
}

/* The content left before the replies to RCPT: each recipient without a refusal may get it. */
static void
assume_accepted(struct transaction *t)
{
	t->mail_accepted = true;
	for (size_t i = 0; i < t->asked; i++)
		if (t->state[i] == RCPT_ASKED)
			t->state[i] = RCPT_ACCEPTED;
}

/* A host that ends a session with 421 at its first MAIL refuses that.  Later it may end what has
 * lasted long enough.  With VERP, the next recipient has another reverse-path. */
static enum transaction_end
take_end(struct transaction *t)
{
	const struct smtp_link *l = t->link;
	struct outcome o;

	commands_outcome(t, &o);
	if (l->transactions > 1)		/* it may have a limit, and has served others */
		o.bar = BAR_NONE;
	if (!commands_mail_refused(t))		/* else the reply to MAIL explains more */
		t->why = o;
	if (commands_at_mail(t) && !l->took_mail && !refuses_clear(t))
		put_off_message(t, &o);
	return t->e->verp && !t->mail_accepted && (l->took_mail || !l->others) ?
	    TRANSACTION_SPENT : TRANSACTION_NEXT;
}

/* The commands came to no end: this host does not get further, and the link is of no use. */
static enum transaction_end
broken(struct transaction *t, int error)
{
	enum transaction_end end = TRANSACTION_NEXT;
	struct smtp_link *l = t->link;
	struct outcome o;

	if (error == -EIO ||
	    (error != -ECONNABORTED && error != -EPROTO && commands_all_replied(t)))
		return settle_content(t, content_cut(t, error, &o), &o);
	if (content_may_be_taken(t, error)) {
		t->broke_group = commands_broke_group(t, error);
		assume_accepted(t);
		return settle_content(t, content_unsure(t, error, &o), &o);
	}
	if (error != -ECONNABORTED) {
		t->broke_chunk = commands_broke_chunk(t, error);
		t->no_ahead = t->unheard && error == -ETIMEDOUT && link_broke(l, error);
		t->broke_group = commands_broke_group(t, error);
		link_outcome(l, error, commands_name(t), &o);
		if (!commands_mail_refused(t))	/* else the reply to MAIL explains more */
			t->why = o;
		t->in_clear |= l->downgraded;
	} else if (!refuses_ipv6(t)) {
		end = take_end(t);
	}
	l->closed = true;
	return end;
}

/* The time of one recipient is kept for the content, whose missing reply would mean a second
 * copy. */
static void
begin_time(struct transaction *t)
{
	const int64_t all_ms = link_timeout(t->link->config->relay.transaction_timeout_ms);

	t->share_ms = all_ms / TIME_SHARES;
	t->link->end_ms = clock_ms() + all_ms + t->share_ms * ((int64_t)t->asked - 1);
}

/* With VERP, a refusal is about one recipient: behind the others it waits for another host.  False
 * if no other is left for this host, or if it has refused too many in a row. */
static bool
put_off_one(struct transaction *t)
{
	const uint32_t rcpt = t->left[0];

	memmove(t->left, t->left + 1, (t->nleft - 1) * sizeof *t->left);
	t->left[t->nleft - 1] = rcpt;
	return ++t->nput_off < t->nleft && t->nrefused < REFUSALS_MAX;
}

/* The end of a transaction if recipients are left. */
static enum transaction_end
go_on(struct transaction *t, enum transaction_end end, size_t had)
{
	const bool same = t->nleft == had;

	if (t->in_clear)
		return TRANSACTION_BY_TLS;
	if (t->spent)
		return TRANSACTION_SPENT;
	/* With VERP, a session that ended at one recipient has not refused the others. */
	if (t->e->verp && !t->mail_accepted && t->link->closed && !same)
		return TRANSACTION_SPENT;
	if (t->moved && end != TRANSACTION_SPENT)
		return TRANSACTION_NEXT;
	if ((t->refused || t->elsewhere) && end == TRANSACTION_DONE && t->e->verp && same &&
	    !t->link->closed)
		return put_off_one(t) ? TRANSACTION_DONE : TRANSACTION_NEXT;
	if (t->elsewhere && end != TRANSACTION_SPENT)
		return TRANSACTION_NEXT;
	return end == TRANSACTION_DONE && !t->mail_accepted && same ? TRANSACTION_NEXT : end;
}

static enum transaction_end
run_plan(struct transaction *t, struct smtp_link *l)
{
	enum transaction_end end = TRANSACTION_DONE;
	enum plan plan = t->ahead ? PLAN_READY : make_plan(t, l);
	const size_t had = t->nleft;
	int r;

	if (plan != PLAN_READY)
		return not_begun(t, plan);
	if (!t->ahead)
		l->transactions++;
	t->ahead = false;
	if (t->blind)
		attempt_keep_on();
	begin_time(t);
	r = run_commands(t);
	if (r < 0)
		end = broken(t, r);
	else if (commands_all_sent(t))
		end = run_content(t);
	l->end_ms = 0;
	drop_settled(t);
	if (!t->nleft)
		return end;
	attempt_may_stop();
	return go_on(t, end, had);
}

enum transaction_end
transaction_run(struct transaction *t, struct smtp_link *l)
{
	enum transaction_end end = run_plan(t, l);

	/* The session has put off all that it was asked for: so might each one, for ever. */
	if (end == TRANSACTION_SPENT && t->nput_off && !t->served)
		end = TRANSACTION_NEXT;
	/* With several hosts, no single one may have refused ten in a row. */
	if (end == TRANSACTION_SPENT && l->closed && !t->spent && ++t->vain > REFUSALS_MAX)
		end = TRANSACTION_NEXT;
	if (end != TRANSACTION_DONE || l->closed) {	/* the next session has refused nobody */
		t->nput_off = 0;
		t->served = false;
	}
	if (end == TRANSACTION_NEXT)
		t->nrefused = 0;
	return end;
}

/* ---- the transaction sent ahead ---- */

struct transaction *
transaction_take_ahead(struct delivery *d, const struct queue_entry *e)
{
	struct transaction *t = d->client->ahead;

	if (!t || t->e != e)
		return NULL;
	d->client->ahead = NULL;
	transcript_fact(d->transcript, "sent ahead, directly behind the previous message:");
	commands_record(t);
	return t;
}

void
transaction_drop_ahead(struct client_state *c)
{
	/* The server may wait for content, and would take QUIT for that. */
	if (c->ahead && c->link)
		c->link->closed = true;
	transaction_free(c->ahead);
	c->ahead = NULL;
}
