// SPDX-License-Identifier: ISC
/*
 * Does this message fit this peer?  By what the peer offers and what the message needs: size, octets, addresses,
 * the sender's demands.  Pure.  Called by client/transaction only, which settles what does not fit or leaves it to
 * another exchanger.
 */
#include "client/fit.h"

#include <inttypes.h>

#include "base/clock.h"
#include "attempt/deadline.h"
#include "client/tls_policy.h"
#include "smtp/params.h"

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
		buf_str(why, "the sender wants it back if not delivered in time, which the exchanger does not grant (DELIVERBY)");
		return CAUSE_NO_DELIVERBY;
	}
	return CAUSE_DELIVERED;
}

enum outcome_cause
fit_message(const struct queue_entry *e, const struct payload *p, const struct smtp_link *l, struct buf *why)
{
	const struct client_offer *peer = &l->peer;

	if (peer->size && peer->max_size && p->size > peer->max_size) {	/* RFC 1870 section 6.1 */
		buf_fmt(why, "the message has %" PRIu64 " octets, and the exchanger accepts %" PRIu64 " at most", p->size, peer->max_size);
		return CAUSE_TOO_BIG;
	}
	if (p->facts.binary && !peer->binary) {		/* RFC 3030 section 3 */
		buf_str(why, "the message holds NUL or bare line ends, which takes BINARYMIME, and the exchanger does not offer it");
		return CAUSE_BINARY;
	}
	if (!peer->smtputf8 && (!slice_is_ascii(e->from) || smtp_param_has(e->from_params, SL("SMTPUTF8")))) {
		buf_str(why, "the message needs SMTPUTF8, which the exchanger does not offer");
		return CAUSE_NO_SMTPUTF8;
	}
	if (tls_policy_requiretls(e) && !l->lmtp && !(l->verified && peer->requiretls)) {
		/* RFC 8689 section 4.2.1; what is offered in clear is worth nothing. */
		buf_str(why, "the sender demands REQUIRETLS, which is not to be had with this exchanger");
		return CAUSE_NO_REQUIRETLS;
	}
	if (p->facts.eight_bit && !p->facts.binary && !peer->eight_bit) {	/* RFC 6152 section 3 */
		buf_str(why, "the message is 8-bit text and the exchanger does not offer 8BITMIME");
		return CAUSE_NO_8BIT;
	}
	return fit_time(e, l, why);
}

enum outcome_cause
fit_rcpt(const struct queue_rcpt *rcpt, const struct smtp_link *l, struct buf *why)
{
	if (l->peer.smtputf8 || slice_is_ascii(rcpt->path))
		return CAUSE_DELIVERED;
	buf_str(why, "the address needs SMTPUTF8, which the exchanger does not offer");
	return CAUSE_NO_SMTPUTF8;
}

/* A size is the domain's policy, and time passes everywhere; what a server can do is that of the server. */
bool
fit_elsewhere(enum outcome_cause cause)
{
	return cause != CAUSE_TOO_BIG && cause != CAUSE_DEADLINE;
}
