// SPDX-License-Identifier: ISC
/*
 * One message over one link (RFC 5321 section 3.3): who is asked for in this transaction, and from how it
 * went what becomes of each recipient.  Must not choose hosts: when this one fails before a reply settled a recipient,
 * that recipient is left for the next.  Called by delivery/smtp only.
 */
#include "delivery/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "delivery/convert.h"
#include "delivery/fit.h"

/*
 * Content up to so many octets follows the RCPTs at once where it travels by BDAT: a round trip is saved, and if all of them
 * are refused no more is wasted than a connection sends in its first round trips anyway.
 */
#define BLIND_MAX 65536

int
transaction_init(struct transaction *t, struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	memset(t, 0, sizeof *t);
	t->d = d;
	t->e = e;
	payload_init(&t->original, e);
	t->payload = t->original;
	t->converted.fd = -1;
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
	if (t->converted.fd >= 0)
		(void)close(t->converted.fd);
	t->converted.fd = -1;
	t->left = NULL;
	t->state = NULL;
	t->nleft = 0;
}

void
transaction_settle(struct transaction *t, size_t i, const struct outcome *o)
{
	t->state[i] = RCPT_SETTLED;
	delivery_report(t->d, t->e, t->left[i], o);
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
drop_settled(struct transaction *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nleft; i++)
		if (t->state[i] != RCPT_SETTLED)
			t->left[kept++] = t->left[i];
	t->nleft = kept;
	memset(t->state, RCPT_LATER, kept);
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
mark_unfit(struct transaction *t, enum outcome_cause cause, const char *detail)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	buf_str(&b, detail);
	if (t->payload.stubborn)
		buf_fmt(&b, "; it cannot be converted: %s", t->payload.stubborn);
	outcome_set(&t->unfit, cause, slice_str(t->link->host), buf_slice(&b));
	t->any_unfit = true;
}

/* The octets for this peer: as they are, or in seven bits where it takes no others.  False: something here is broken. */
static bool
choose_payload(struct transaction *t, const struct smtp_peer *peer)
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

/* Those that this transaction asks for come to the front. */
static void
choose(struct transaction *t)
{
	t->asked = 0;
	memset(t->state, RCPT_LATER, t->nleft);
	for (size_t i = 0; i < t->nleft; i++) {
		const char *detail;
		enum outcome_cause cause = fit_rcpt(&t->e->rcpts[t->left[i]], t->link, &detail);

		if (cause != CAUSE_DELIVERED) {
			t->state[i] = RCPT_UNFIT;
			mark_unfit(t, cause, detail);
			continue;
		}
		t->state[i] = RCPT_ASKED;
		swap_left(t, i, t->asked++);
	}
}

/* False: this peer is to hear nothing of it, or of those who are left. */
static bool
begin(struct transaction *t, struct smtp_link *l)
{
	const char *detail;
	enum outcome_cause cause;
	struct outcome broken;

	t->link = l;
	t->accepted = 0;
	t->mail_accepted = false;
	if (!choose_payload(t, &l->peer)) {
		outcome_set(&broken, CAUSE_LOCAL, SL(""), SL("no room for a copy in seven bits"));
		transaction_settle_rest(t, &broken);
		return false;
	}
	cause = fit_message(t->e, &t->payload, l, &detail);
	if (cause != CAUSE_DELIVERED) {
		mark_unfit(t, cause, detail);
		if (!fit_elsewhere(cause))
			transaction_settle_rest(t, &t->unfit);
		return false;
	}
	choose(t);
	t->chunked = l->peer.chunking;
	t->blind = t->chunked && l->peer.pipelining && t->payload.size <= BLIND_MAX && t->asked + 2 < COMMANDS_GROUP;
	t->sent = t->heard = commands_first(l);
	return t->asked > 0;
}

/*
 * The commands did not come to their end.  This host does not get us further, and the link is of no use any more.  Also
 * where all of the content is out already: a peer that has not even answered the recipients has not taken it.
 */
static enum transaction_end
broken(struct transaction *t, int error)
{
	struct smtp_link *l = t->link;

	if (error == -EIO || (error != -ECONNABORTED && commands_all_heard(t)))
		return content_cut(t, error);
	if (error == -ECONNABORTED)
		outcome_from_reply(&t->why, &l->reply, slice_str(l->host));
	else
		link_outcome(l, error, commands_name(t), &t->why);
	l->closed = true;
	return TRANSACTION_NEXT;
}

enum transaction_end
transaction_run(struct transaction *t, struct smtp_link *l)
{
	enum transaction_end end = TRANSACTION_DONE;
	int r;

	if (!begin(t, l))
		return t->nleft ? TRANSACTION_UNFIT : TRANSACTION_DONE;
	l->transactions++;
	r = commands_run(t);
	if (r < 0)
		end = broken(t, r);
	else if (commands_all_sent(t))
		end = content_run(t);
	drop_settled(t);
	return end == TRANSACTION_DONE && !t->mail_accepted && t->nleft ? TRANSACTION_NEXT : end;
}
