// SPDX-License-Identifier: ISC
/*
 * From a message and a link to what one transaction over it carries: which octets, for whom, in what manner; within
 * what the peer can do and within its LIMITS (RFC 9422).  Says nothing to the peer and settles nobody.  Called by
 * delivery/transaction.
 */
#include "client/transaction_plan.h"

#include <errno.h>

#include "client/convert.h"
#include "client/fit.h"

/*
 * Content up to so many octets follows the RCPTs at once where it travels by BDAT: a round trip is saved, and if all of them
 * are refused no more is wasted than a connection sends in its first round trips anyway.
 */
#define BLIND_MAX 65536

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
	if (t->payload.stubborn)
		buf_fmt(why, "; it cannot be converted: %s", t->payload.stubborn);
	outcome_set(&t->unfit, cause, slice_str(t->link->host), buf_slice(why));
	t->any_unfit = true;
}

/* The octets for this peer: as they are, or in seven bits where it takes no others.  False: something here is broken. */
static bool
choose_payload(struct transaction *t, const struct client_offer *peer)
{
	enum smtp_body body = payload_body(&t->original);
	int r = 0;

	t->payload = t->original;
	if (body == SMTP_BODY_7BIT || (body == SMTP_BODY_BINARYMIME ? peer->binary : peer->eight_bit) || t->original.stubborn)
		return true;
	if (t->converted.fd < 0)
		r = convert_sevenbit(t->e, &t->converted, &t->original.stubborn);
	if (r == 0)
		transcript_fact(t->d->transcript, "converted to seven bits, %llu octets", (unsigned long long)t->converted.size);
	t->payload = r == 0 ? t->converted : t->original;
	return r == 0 || r == -ENOTSUP;
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

enum plan
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
	cause = fit_message(t->e, &t->payload, l, &why);
	if (cause != CAUSE_DELIVERED) {
		mark_unfit(t, cause, &why);
		return fit_elsewhere(cause) ? PLAN_UNFIT : PLAN_HOPELESS;
	}
	choose_recipients(t);
	if (t->asked == 0)
		return nobody(t);
	t->chunked = l->peer.chunking && (!t->d->by_data || payload_body(&t->payload) == SMTP_BODY_BINARYMIME);
	t->blind = t->chunked && l->peer.pipelining && t->payload.size <= BLIND_MAX && t->asked + 2 < COMMANDS_GROUP;
	t->sent = t->heard = commands_first(l);
	return PLAN_READY;
}
