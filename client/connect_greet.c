// SPDX-License-Identifier: ISC
/*
 * The first words with a host that was reached: on which terms they are said, and what follows for it and for the walk when
 * they are not what they should be.  Called by client/connect only.
 */
#include "client/connect.h"

#include "base/clock.h"
#include "client/ipv6_refused.h"
#include "client/auth.h"
#include "client/self.h"

/* The host spoke, but will not have mail from us: what its reply means for the domain (RFC 7504;
 * RFC 5321 section 3.1, 4.5.4.1: other hosts first). */
static void
refused(struct connect *w, const struct smtp_link *l)
{
	const struct smtp_peer_reply *r = &l->reply;
	struct outcome o;

	connect_add_tried(w, l->host, "refused the session");
	if (ipv6_refused(l)) {
		outcome_set_reply(&o, CAUSE_REPLY_TEMPORARY, r, slice_str(l->host));
		connect_moves(w, l, &o);
		return;
	}
	w->refused++;
	if (r->code / 100 == 4) {
		outcome_set_reply(&o, CAUSE_REPLY_TEMPORARY, r, slice_str(l->host));
		connect_tell(w, TOLD_REPLY, &o);
		return;
	}
	if (r->code == 521 || r->code == 554) {
		w->gone++;
		outcome_set_reply(&w->gone_why, CAUSE_REPLY_PERMANENT, r, slice_str(l->host));
	}
	outcome_set_reply(&o, r->code / 100 == 5 ? CAUSE_REFUSED_SESSION : CAUSE_PROTOCOL, r, slice_str(l->host));
	connect_tell(w, TOLD_REFUSED, &o);
}

/* The host is ourselves under another name or address: only those of better preference may have this mail (RFC 5321
 * section 5.1). */
static void
came_back(struct connect *w, const struct order_target *t, const char *host)
{
	const unsigned preference = t->exchanger->preference;
	struct outcome o;
	size_t kept = 0;

	connect_add_tried(w, host, "this is our own server");
	self_drop_from(&w->mx, t->exchanger, slice_str(w->d->destination));
	for (size_t i = 0; i < w->n; i++)
		if (w->targets[i].exchanger->preference < preference)
			w->targets[kept++] = w->targets[i];
	w->n = kept;
	if (w->mx.status == MX_OK)
		return;
	outcome_set(&o, connect_dns_cause(w->mx.status), slice_str(host), slice_str(w->mx.detail));
	connect_tell(w, TOLD_OWN, &o);
}

static enum host_tls
tls_result(const struct smtp_link *l)
{
	if (!(l->tls_failed || l->stream.tls))
		return HOST_TLS_UNKNOWN;
	return l->tls_failed ? HOST_TLS_FAILED : HOST_TLS_GOOD;
}

/* The session did not get to where mail goes over it.  Who is there, but wants something else than we have, does not fail. */
static void
not_begun(struct connect *w, const struct order_target *t, const struct smtp_link *l, enum link_start start,
    const struct outcome *why)
{
	bool failed = start == LINK_BROKEN && (why->cause == CAUSE_LOST || why->cause == CAUSE_PROTOCOL);

	if (start != LINK_LOGIN)
		connect_tell_host(w, t, NULL, failed ? HOST_FAILED : HOST_REFUSED, tls_result(l));
	if (start == LINK_REFUSED) {
		refused(w, l);
		return;
	}
	connect_add_tried(w, l->host, why->detail);
	w->refused++;
	connect_tell(w, start == LINK_LOGIN ? TOLD_LOGIN : TOLD_LOST, why);
	if (start == LINK_LOGIN)	/* elsewhere the same words would only help to lock the account */
		w->n = 0;
}

static enum link_start
begin(struct connect *w, const struct order_target *t, struct smtp_link *l, struct outcome *ret_why)
{
	struct tls_policy terms = w->terms;
	enum link_start start;

	if (t) {
		host_key(l->key, t->address);
		l->ipv4_left = t->address->ss_family == AF_INET6 && connect_has_ipv4(w);
		tls_policy_of_host(&terms, w->d->hosts, t->exchanger->name, l->key, clock_wall_s());
	}
	l->lmtp = w->d->route->via == VIA_LMTP;
	start = link_start(l, &terms, &w->d->tls, ret_why);
	if (start == LINK_READY && w->d->route->user)
		start = auth_login(l, w->d->route, ret_why);
	return start;
}

struct smtp_link *
connect_greet(struct connect *w, const struct order_target *t, const char *host, const struct dial_target *dialled)
{
	struct smtp_link *l = link_new(dialled->fd, host, w->d->config, w->d->transcript);
	struct outcome why;
	enum link_start start;

	w->d->times.latency_us = dialled->first_us;
	if (!l) {
		outcome_set(&why, CAUSE_LOCAL, slice_str(host), SL("out of memory"));
		connect_tell(w, TOLD_LOST, &why);
		return NULL;
	}
	l->latency_us = dialled->first_us;
	start = begin(w, t, l, &why);
	connect_tell_host(w, t, dialled, HOST_OPEN, tls_result(l));
	if (start == LINK_READY && !(l->ours && w->d->route->via == VIA_MX)) {
		w->sessions++;
		return l;
	}
	if (start == LINK_READY)
		came_back(w, t, host);
	else
		not_begun(w, t, l, start, &why);
	link_done(l);
	return NULL;
}
