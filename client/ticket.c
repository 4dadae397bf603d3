// SPDX-License-Identifier: ISC
/*
 * A ticket of a session that verifies nothing serves mail for any destination.  One that does is
 * for its own destination: another worker cannot know that it is no invention.  The same holds for
 * a ticket that would reveal the mail of its connection.
 */
#include "client/ticket.h"

#include <assert.h>

#include "attempt/ticket.h"

static_assert(TICKET_MAX == TLS_SESSION_MAX && TICKET_KEY == TLS_SESSION_KEY, "a session fits");

/* False: the session can have no ticket.  A socket of this machine has no key. */
static bool
find_kind(const struct smtp_link *l, const struct tls_demand *d, struct ticket_kind *ret)
{
	ret->own = d->verify || d->dane;
	return l->key[0] && tls_session_key(d, l->key, ret->key);
}

struct slice
ticket_take(const struct attempt_sink *sink, const struct smtp_link *l, const struct tls_demand *d)
{
	static struct ticket ticket;
	struct ticket_kind kind;

	if (!sink || !sink->want || !find_kind(l, d, &kind) ||
	    !sink->want(sink->ctx, &kind, &ticket))
		return SL("");
	return slice_of((const char *)ticket.octets, ticket.n);
}

void
ticket_leave(const struct attempt_sink *sink, const struct smtp_link *l, const struct tls_demand *d)
{
	static struct ticket ticket;

	if (!sink || !sink->ticket || !find_kind(l, d, &ticket.kind))
		return;
	ticket.kind.own |= tls_session_is_secret(l->stream.tls);
	ticket.n = (uint16_t)tls_session_save(l->stream.tls, ticket.octets, sizeof ticket.octets);
	if (ticket.n)
		sink->ticket(sink->ctx, &ticket);
}

void
ticket_spurn(const struct attempt_sink *sink, const struct smtp_link *l, const struct tls_demand *d)
{
	static struct ticket none;

	if (sink && sink->ticket && find_kind(l, d, &none.kind))
		sink->ticket(sink->ctx, &none);
}
