// SPDX-License-Identifier: ISC
/*
 * One message over one link (RFC 5321 section 3.3): who is asked for in this transaction, and from how it
 * went what becomes of each recipient.  Must not choose hosts: when this one fails before a reply settled a recipient,
 * that recipient is left for the next.  Called by client/deliver only.
 */
#include "client/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/convert.h"
#include "client/ipv6_refused.h"
#include "client/tls_policy.h"

/*
 * Content up to so many octets follows the RCPTs at once where it travels by BDAT: a round trip is saved, and if all of them
 * are refused no more is wasted than a connection sends in its first round trips anyway.
 */
#define BLIND_MAX 65536

enum plan {
	PLAN_READY,		/* t says it all */
	PLAN_SPENT,		/* this session takes no more; a new one to the same host would */
	PLAN_UNFIT,		/* this peer cannot carry what is left: t->unfit says why */
	PLAN_HOPELESS,		/* nor could another of the domain */
	PLAN_BROKEN,		/* something here failed */
};

int
transaction_init(struct transaction *t, struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	memset(t, 0, sizeof *t);
	t->d = d;
	t->e = e;
	payload_init(&t->original, &e->facts);
	payload_add_file(&t->original, e->fd, e->content_at, e->content_size);
	t->payload = &t->original;
	t->converted_fd = -1;
	t->left = malloc((n ? n : 1) * sizeof *t->left);
	t->state = malloc(n ? n : 1);
	if (!t->left || !t->state) {
		transaction_done(t);
		return -ENOMEM;
	}
	memcpy(t->left, rcpts, n * sizeof *rcpts);
	memset(t->state, RCPT_LATER, n);
	t->nleft = n;
	return 0;
}

void
transaction_done(struct transaction *t)
{
	free(t->left);
	free(t->state);
	if (t->converted_fd >= 0)
		(void)close(t->converted_fd);
	t->converted_fd = -1;
	t->left = NULL;
	t->state = NULL;
	t->nleft = 0;
}

void
transaction_settle(struct transaction *t, size_t i, const struct outcome *o)
{
	t->state[i] = RCPT_SETTLED;
	attempt_report(t->d, t->e, t->left[i], o);
}

bool
transaction_moves(struct transaction *t)
{
	const struct smtp_link *l = t->link;

	if (!ipv6_refused(l))
		return false;
	outcome_set_reply(&t->why, CAUSE_REPLY_TEMPORARY, &l->reply, slice_str(l->host));
	t->moved = true;
	return true;
}

void
transaction_settle_rest(struct transaction *t, const struct outcome *o)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_SETTLED)
			transaction_settle(t, i, o);
	t->nleft = 0;
}

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

static void
mark_unfit(struct transaction *t, enum outcome_cause cause, struct buf *why)
{
	if (t->payload->unconvertible)
		buf_fmt(why, "; it cannot be converted: %s", t->payload->unconvertible);
	outcome_set(&t->unfit, cause, slice_str(t->link->host), buf_slice(why));
	t->any_unfit = true;
}

/* Does the peer take octets of this kind? */
static bool
takes_body(const struct client_offer *peer, enum smtp_body body)
{
	if (body == SMTP_BODY_BINARYMIME)
		return peer->offers[SMTP_EXT_BINARYMIME];
	return body == SMTP_BODY_7BIT || peer->offers[SMTP_EXT_8BITMIME];
}

/* The message in seven bits, made at most once.  False: something here is broken. */
static bool
convert(struct transaction *t)
{
	int r = t->converted_fd;

	if (r < 0)
		r = convert_sevenbit(t->e, &t->converted, &t->original.unconvertible);
	if (r < 0)
		return r == -ENOTSUP;
	t->converted_fd = r;
	t->payload = &t->converted;
	transcript_fact(t->d->transcript, "converted to seven bits, %llu octets",
	    (unsigned long long)t->converted.size);
	return true;
}

/* The octets for this peer: unchanged, or in seven bits if it takes no others. */
static bool
choose_payload(struct transaction *t, const struct client_offer *peer)
{
	t->payload = &t->original;
	return takes_body(peer, payload_body(&t->original)) || t->original.unconvertible || convert(t);
}

/* Those that this transaction asks for come to the front; as many as the peer takes at once, and of as many domains. */
static void
choose_recipients(struct transaction *t)
{
	const unsigned most = t->link->peer.limits.rcpt_max;

	t->asked = 0;
	memset(t->state, RCPT_LATER, t->nleft);
	for (size_t i = 0; i < t->nleft && (most == 0 || t->asked < most); i++) {
		const struct queue_rcpt *rcpt = &t->e->rcpts[t->left[i]];
		char space[OUTCOME_DETAIL];
		struct buf why = BUF(space);
		enum outcome_cause cause = fit_rcpt(rcpt, t->link, &why);

		if (cause != CAUSE_DELIVERED) {
			t->state[i] = RCPT_UNFIT;
			mark_unfit(t, cause, &why);
		} else if (link_domain(t->link, rcpt->domain)) {
			t->state[i] = RCPT_ASKED;
			swap_left(t, i, t->asked++);
		}
	}
}

/* Nobody can be asked for: is that for what they need, or only for this session? */
static enum plan
nobody(const struct transaction *t)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] == RCPT_LATER)
			return PLAN_SPENT;
	return PLAN_UNFIT;
}

/* A transaction for those of t that are left, over l. */
static enum plan
plan_make(struct transaction *t, struct smtp_link *l)
{
	const unsigned most = l->peer.limits.mail_max;
	char space[OUTCOME_DETAIL];
	struct buf why = BUF(space);
	enum outcome_cause cause;

	t->link = l;
	t->accepted = t->asked = 0;
	t->lost = t->moved = false;
	t->mail_accepted = false;
	if (most && l->transactions >= most)
		return PLAN_SPENT;
	if (!choose_payload(t, &l->peer))
		return PLAN_BROKEN;
	cause = fit_message(t->e, t->payload, l, &why);
	if (cause != CAUSE_DELIVERED) {
		mark_unfit(t, cause, &why);
		return fit_elsewhere(cause) ? PLAN_UNFIT : PLAN_HOPELESS;
	}
	choose_recipients(t);
	if (t->asked == 0)
		return nobody(t);
	t->chunked = l->peer.offers[SMTP_EXT_CHUNKING] && (!t->d->by_data || payload_body(t->payload) == SMTP_BODY_BINARYMIME);
	t->blind = t->chunked && l->peer.offers[SMTP_EXT_PIPELINING] && t->payload->size <= BLIND_MAX && t->asked + 2 < COMMANDS_GROUP;
	t->sent = t->heard = commands_first(l);
	return PLAN_READY;
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

/*
 * The commands did not come to their end.  This host does not get us further, and the link is of no use any more.  Also
 * where all of the content is out already: a peer that has not even answered the recipients has not taken it.
 */
static enum transaction_end
broken(struct transaction *t, int error)
{
	struct smtp_link *l = t->link;
	struct outcome o;

	if (error == -EIO || (error != -ECONNABORTED && commands_all_heard(t)))
		return content_cut(t, error);
	if (error == -EPROTO && t->blind && commands_all_sent(t) && !commands_mail_refused(t))
		return content_unsure(t, error);
	if (error != -ECONNABORTED) {
		link_outcome(l, error, commands_name(t), &o);
		if (!commands_mail_refused(t))	/* else that reply says more */
			t->why = o;
	} else if (!transaction_moves(t)) {
		outcome_from_reply(&t->why, &l->reply, slice_str(l->host));
	}
	l->closed = true;
	return TRANSACTION_NEXT;
}

/* Nothing was said. */
static enum transaction_end
not_begun(struct transaction *t, enum plan plan)
{
	struct outcome o;

	if (plan == PLAN_SPENT)
		return TRANSACTION_SPENT;
	if (plan == PLAN_UNFIT)
		return TRANSACTION_UNFIT;
	outcome_set(&o, CAUSE_LOCAL, SL(""), SL("no room for a copy in seven bits"));
	transaction_settle_rest(t, plan == PLAN_HOPELESS ? &t->unfit : &o);
	return TRANSACTION_DONE;
}

enum transaction_end
transaction_run(struct transaction *t, struct smtp_link *l)
{
	enum transaction_end end = TRANSACTION_DONE;
	enum plan plan = t->announced ? PLAN_READY : plan_make(t, l);
	int r;

	if (plan != PLAN_READY)
		return not_begun(t, plan);
	if (!t->announced)
		l->transactions++;
	t->announced = false;
	if (t->blind)
		attempt_keep_on();
	r = commands_run(t);
	if (r < 0)
		end = broken(t, r);
	else if (commands_all_sent(t))
		end = content_run(t);
	drop_settled(t);
	if (t->nleft)
		attempt_may_stop();
	if (t->moved && t->nleft)
		return TRANSACTION_NEXT;
	return end == TRANSACTION_DONE && !t->mail_accepted && t->nleft ? TRANSACTION_NEXT : end;
}

/* Is there nobody of t's recipients who needs another transaction? */
static bool
is_last(const struct transaction *t)
{
	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_ACCEPTED && t->state[i] != RCPT_SETTLED)
			return false;
	return true;
}

/* What goes in one piece by BDAT needs no help: that is one round trip already. */
static bool
say(struct transaction *next, struct smtp_link *l, bool after_chunk)
{
	if (plan_make(next, l) != PLAN_READY || next->blind)
		return false;
	l->transactions++;
	next->announced = true;
	return commands_ahead(next, after_chunk) == 0;
}

static void
drop(struct transaction *t)
{
	if (t)
		transaction_done(t);
	free(t);
}

void
ahead_announce(struct transaction *t)
{
	struct delivery *d = t->d;
	struct smtp_link *l = t->link;
	struct transcript *transcript = d->transcript;
	struct transaction *next;
	struct attempt_job job;

	if (!d->next || d->one_by_one || !l->peer.offers[SMTP_EXT_PIPELINING] || l->closed || !is_last(t) || !d->next(d->next_ctx, &job) ||
	    (tls_policy_requiretls(job.e) && !l->verified))
		return;
	next = malloc(sizeof *next);
	if (!next || transaction_init(next, d, job.e, job.rcpts, job.n) < 0) {
		free(next);
		return;
	}
	d->transcript = l->transcript = NULL;	/* which is that of another message still */
	if (say(next, l, t->chunked))
		d->ahead = next;
	else
		drop(next);
	d->transcript = l->transcript = transcript;
}

struct transaction *
ahead_take(struct delivery *d, const struct queue_entry *e)
{
	struct transaction *t = d->ahead;

	if (!t || t->e != e)
		return NULL;
	d->ahead = NULL;
	transcript_fact(d->transcript, "sent ahead, behind the message before this one:");
	commands_record(t);
	return t;
}

void
ahead_drop(struct delivery *d)
{
	if (d->ahead && d->link)
		d->link->closed = true;		/* it may be waiting for content: a QUIT would be taken for that */
	drop(d->ahead);
	d->ahead = NULL;
}
