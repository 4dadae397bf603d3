// SPDX-License-Identifier: ISC
/*
 * From a destination to an open link (RFC 5321 section 5.1): addresses are dialled in the order of
 * hosts/order, those not measured yet against each other, until one has greeted us and
 * taken our EHLO.  What each dial told goes to the sink.  Bounded in addresses, sessions and
 * time, whatever a domain publishes.  Called by client/deliver only.
 */
#include "client/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/auth.h"
#include "client/ipv6_refused.h"
#include "client/self.h"

#define DIALS_MAX     32
#define HOSTS_TRIED_MAX 16	/* that failed or refused */
#define SESSIONS_MAX  4		/* that began well and broke off */
#define WALK_MS       INT64_C(900000)
#define FAILING_CONNECT_MS 5000	/* enough for one that is back, while there are others */

void
connect_init(struct connect *w, struct delivery *d, const struct queue_entry *e)
{
	memset(w, 0, sizeof *w);
	w->d = d;
	w->terms = tls_policy_of(d->config, d->route, tls_policy_requiretls(e));
	w->tried = (struct buf)BUF(w->tried_space);
	w->rests = (struct buf)BUF(w->rests_space);
	w->end_ms = clock_ms() + WALK_MS;
}

void
connect_done(struct connect *w)
{
	if (w->looked_up)
		mx_list_done(&w->mx);
	w->looked_up = false;
}

static void
tell(struct connect *w, int rank, const struct outcome *o)
{
	if (rank < w->told)
		return;
	w->told = rank;
	w->why = *o;
}

void
connect_blame(struct connect *w, const struct outcome *o)
{
	tell(w, o->cause == CAUSE_REPLY_TEMPORARY ? TOLD_REPLY : TOLD_LOST, o);
}

bool
connect_met_all(const struct connect *w)
{
	return w->told == TOLD_NOTHING && w->refused == 0 && w->n == 0 && w->resting == 0;
}

static enum outcome_cause
dns_cause(enum mx_status status)
{
	switch (status) {
	case MX_NULL:
		return CAUSE_DNS_NULL_MX;
	case MX_NXDOMAIN:
		return CAUSE_DNS_NXDOMAIN;
	case MX_BAD_NAME:
		return CAUSE_DNS_BAD_NAME;
	case MX_DEFER:
		return CAUSE_DNS_DEFER;
	case MX_OWN:
		return CAUSE_OWN_HOST;
	case MX_OK:		/* and yet nothing to dial */
	case MX_NO_HOST:
		break;
	}
	return CAUSE_DNS_NO_HOST;
}

/* What the DNS said, for people.  A smarthost that cannot be found is the operator's to mend, not a reason to return mail. */
static void
not_found(struct connect *w)
{
	static const char *const words[] = {
		[MX_NXDOMAIN] = "there is no such domain: ", [MX_NO_HOST] = "the domain has no host that could take mail: ",
		[MX_DEFER] = "the DNS has no answer for now: ", [MX_OWN] = NULL,
	};
	const bool route = !way_of(w->d->route->via)->by_domain;
	const char *what = route ? "the host that the route names cannot be found: " : words[w->mx.status];
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	buf_str(&b, what ? what : "");
	buf_str(&b, w->mx.detail);
	outcome_set(&w->why, route ? CAUSE_DNS_DEFER : dns_cause(w->mx.status), SL(""), buf_slice(&b));
}

/* Who may be dialled, and in which order; who is to be left alone goes from the list, but its mail is said to wait for it. */
static void
put_in_order(struct connect *w)
{
	const struct config *c = w->d->config;
	size_t all = order_targets(&w->mx, w->d->hosts, c->relay.mx_order == MX_ORDER_LATENCY,
	    clock_wall_s(), (int64_t)c->relay.latency_fresh_s, w->targets);

	w->n = order_usable(w->targets, all);
	for (size_t i = w->n; i < all; i++) {
		struct buf b = w->rests;

		connect_note_resting(&w->targets[i], &b);
		if (!b.full)
			w->rests = b;
		if (w->targets[i].reason != ORDER_RESTING)
			continue;
		w->resting++;
		connect_tell_host(w, &w->targets[i], NULL, HOST_RESTING, HOST_TLS_UNKNOWN);
	}
}

static bool
look_up(struct connect *w)
{
	struct delivery *d = w->d;
	const struct config *c = d->config;
	uint16_t port = (uint16_t)c->relay.port;
	int64_t begun_us = clock_us();

	if (w->looked_up)
		return true;
	if (way_of(d->route->via)->by_domain) {
		mx_lookup(d->resolver, slice_str(d->destination), c->relay.family, port, &w->mx);
		self_drop(c, slice_str(d->destination), &w->mx);
	} else {
		mx_host(d->resolver, d->route->host, c->relay.family, d->route->port ? d->route->port : port, &w->mx);
	}
	w->looked_up = true;
	d->times.dns_us += clock_us() - begun_us;
	connect_note_answer(w);
	if (w->mx.status == MX_OK)
		put_in_order(w);
	if (w->n || w->resting)
		return true;
	not_found(w);
	return false;
}

static void
add_tried(struct connect *w, const char *host, const char *what)
{
	struct buf b = w->tried;

	buf_fmt(&b, "%s%s: %s", b.n ? "; " : "", host, what);
	if (!b.full)		/* what does not fit is left out, whole */
		w->tried = b;
}

/* Nothing that the host could help: it is this end that has no way to it. */
static bool
ours(int error)
{
	switch (error) {
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EACCES:
	case EPERM:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

static void
dial_failed(struct connect *w, const struct order_target *t, const struct dial_target *dialled)
{
	char host[300];
	const char *what = strerror(dialled->error);

	if (dialled->error == ETIMEDOUT && dialled->connect_us)
		what = "no greeting in time";
	else if (dialled->connect_us)
		what = "connected, but closed without a greeting";
	connect_host_text(t, host);
	connect_note_dial(w, host, dialled, what);
	add_tried(w, host, what);
	w->refused++;
	connect_tell_host(w, t, dialled, ours(dialled->error) ? HOST_RESTING : HOST_FAILED, HOST_TLS_UNKNOWN);
}

/* After a race: those that failed and the winner are done with, the others go back among the
 * targets with what was measured. */
static void
sort_out(struct connect *w, const struct dial_target *dialled, size_t raced, int winner)
{
	size_t kept = 0;
	char host[300];

	for (size_t i = 0; i < w->n; i++) {
		struct order_target t = w->targets[i];

		if (i < raced && dialled[i].state == DIAL_FAILED) {
			dial_failed(w, &t, &dialled[i]);
			continue;
		}
		if (i < raced && (int)i == winner)
			continue;
		if (i < raced && dialled[i].state != DIAL_UNTRIED) {
			connect_host_text(&t, host);
			connect_note_dial(w, host, &dialled[i], "");
			connect_tell_host(w, &t, &dialled[i], dialled[i].state == DIAL_OPEN ? HOST_OPEN : HOST_SLOW, HOST_TLS_UNKNOWN);
			t.reason = ORDER_MEASURED;
			t.at_least = false;	/* it lost already once: no second race */
			t.first_us = dialled[i].state == DIAL_SLOW ? dialled[i].waited_us : dialled[i].first_us;
		}
		w->targets[kept++] = t;
	}
	w->n = kept;
	order_sort(w->targets, w->n);
}

static bool
has_ipv4(const struct connect *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->targets[i].address->ss_family == AF_INET)
			return true;
	return false;
}

void
connect_moves(struct connect *w, const struct smtp_link *l, const struct outcome *o)
{
	struct delivery *d = w->d;
	size_t kept = 0;

	connect_tell_link(d, l, HOST_NO_IPV6);
	if (d->sink->moved)
		d->sink->moved(d->sink->ctx, d->destination, l->host, o->detail);
	tell(w, TOLD_REPLY, o);
	if (!look_up(w))
		return;
	for (size_t i = 0; i < w->n; i++) {
		const struct order_target *t = &w->targets[i];

		if (t->address->ss_family == AF_INET6)	/* of the same people: they would say the same */
			connect_tell_host(w, t, NULL, HOST_NO_IPV6, HOST_TLS_UNKNOWN);
		else
			w->targets[kept++] = *t;
	}
	w->n = kept;
}

/* The host spoke, but will not have mail from us: what its reply means for the domain (RFC 7504;
 * RFC 5321 section 3.1, 4.5.4.1: other hosts first). */
static void
refused(struct connect *w, const struct smtp_link *l)
{
	const struct smtp_peer_reply *r = &l->reply;
	struct outcome o;

	add_tried(w, l->host, "refused the session");
	if (ipv6_refused(l)) {
		outcome_set_reply(&o, CAUSE_REPLY_TEMPORARY, r, slice_str(l->host));
		connect_moves(w, l, &o);
		return;
	}
	w->refused++;
	if (r->code / 100 == 4) {
		outcome_set_reply(&o, CAUSE_REPLY_TEMPORARY, r, slice_str(l->host));
		tell(w, TOLD_REPLY, &o);
		return;
	}
	if (r->code == 521 || r->code == 554) {
		w->gone++;
		outcome_set_reply(&w->gone_why, CAUSE_REPLY_PERMANENT, r, slice_str(l->host));
	}
	outcome_set_reply(&o, r->code / 100 == 5 ? CAUSE_REFUSED_SESSION : CAUSE_PROTOCOL, r, slice_str(l->host));
	tell(w, TOLD_REFUSED, &o);
}

/* The host is ourselves under another name or address: only those of better preference may have this mail (RFC 5321
 * section 5.1). */
static void
came_back(struct connect *w, const struct order_target *t, const char *host)
{
	const unsigned preference = t->exchanger->preference;
	struct outcome o;
	size_t kept = 0;

	add_tried(w, host, "this is our own server");
	self_drop_from(&w->mx, t->exchanger, slice_str(w->d->destination));
	for (size_t i = 0; i < w->n; i++)
		if (w->targets[i].exchanger->preference < preference)
			w->targets[kept++] = w->targets[i];
	w->n = kept;
	if (w->mx.status == MX_OK)
		return;
	outcome_set(&o, dns_cause(w->mx.status), slice_str(host), slice_str(w->mx.detail));
	tell(w, TOLD_OWN, &o);
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
	add_tried(w, l->host, why->detail);
	w->refused++;
	tell(w, start == LINK_LOGIN ? TOLD_LOGIN : TOLD_LOST, why);
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
		l->ipv4_left = t->address->ss_family == AF_INET6 && has_ipv4(w);
		tls_policy_of_host(&terms, w->d->hosts, t->exchanger->name, l->key, clock_wall_s());
	}
	l->lmtp = way_of(w->d->route->via)->lmtp;
	start = link_start(l, &terms, &w->d->tls, ret_why);
	if (start == LINK_READY && w->d->route->user)
		start = auth_login(l, w->d->route, ret_why);
	return start;
}

static struct smtp_link *
greet(struct connect *w, const struct order_target *t, const char *host, const struct dial_target *dialled)
{
	struct smtp_link *l = link_new(dialled->fd, host, w->d->config, w->d->transcript);
	struct outcome why;
	enum link_start start;

	w->d->times.latency_us = dialled->first_us;
	if (!l) {
		outcome_set(&why, CAUSE_LOCAL, slice_str(host), SL("out of memory"));
		tell(w, TOLD_LOST, &why);
		return NULL;
	}
	l->latency_us = dialled->first_us;
	start = begin(w, t, l, &why);
	connect_tell_host(w, t, dialled, HOST_OPEN, tls_result(l));
	if (start == LINK_READY && !(l->ours && way_of(w->d->route->via)->by_domain)) {
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

static struct smtp_link *
race(struct connect *w)
{
	const struct config *c = w->d->config;
	struct dial_target dialled[DIAL_MAX];
	struct dial_options o = {
		.connect_timeout_ms = link_timeout(c->relay.connect_timeout_ms),
		.first_timeout_ms = link_timeout(c->relay.greeting_timeout_ms),
		.linger_factor = 2,
		.linger_max_ms = 100,
		.silent = w->terms.implicit,
		.bind = c->relay.bind.list,
		.nbind = c->relay.bind.n,
	};
	struct order_target won;
	char host[300];
	int start_ms[DIAL_MAX];
	size_t n = order_race(w->targets, w->n, start_ms);
	int winner;

	if (w->targets[0].reason == ORDER_FAILING && n < w->n && o.connect_timeout_ms > FAILING_CONNECT_MS)
		o.connect_timeout_ms = FAILING_CONNECT_MS;
	memset(dialled, 0, sizeof dialled);
	for (size_t i = 0; i < n; i++) {
		dialled[i].address = *w->targets[i].address;
		dialled[i].address_len = address_len(w->targets[i].address->ss_family);
		dialled[i].delay_ms = start_ms[i];
		dialled[i].fd = -1;
	}
	winner = dial_race(dialled, n, &o, "QUIT\r\n");
	for (size_t i = 0; i < n; i++)
		w->dials += dialled[i].state != DIAL_UNTRIED;
	if (winner >= 0)
		won = w->targets[winner];
	sort_out(w, dialled, n, winner);
	if (winner < 0)
		return NULL;
	connect_host_text(&won, host);
	connect_note_dial(w, host, &dialled[winner], "");
	return greet(w, &won, host, &dialled[winner]);
}

/* A socket of this host: there is one, and nobody has to be asked where. */
static struct smtp_link *
to_socket(struct connect *w, const char *path)
{
	struct dial_target dialled = { .fd = -1 };
	char space[200];
	struct buf b = BUF(space);
	struct outcome o;

	if (w->dials++)
		return NULL;
	dialled.fd = dial_socket(path, link_timeout(w->d->config->relay.connect_timeout_ms));
	if (dialled.fd >= 0) {
		transcript_fact(w->d->transcript, "%s: connected", path);
		return greet(w, NULL, path, &dialled);
	}
	buf_fmt(&b, "cannot connect to %s: %s", path, strerror(-dialled.fd));
	transcript_fact(w->d->transcript, "%s", buf_cstr(&b));
	outcome_set(&o, CAUSE_SOCKET, SL(""), buf_slice(&b));
	tell(w, TOLD_LOST, &o);
	w->refused++;
	return NULL;
}

/* Every host of the domain was asked and wants no mail, ever (RFC 7504 section 4): only then is
 * that the domain's answer. */
static bool
all_gone(const struct connect *w)
{
	if (!w->gone || w->gone != w->refused || w->n || w->resting || w->sessions || way_of(w->d->route->via)->lmtp)
		return false;
	for (size_t i = 0; i < w->mx.n; i++) {
		enum dns_status status = w->mx.exchangers[i].status;

		if (!w->mx.exchangers[i].naddresses && (status == DNS_SERVFAIL || status == DNS_TIMEOUT))
			return false;
	}
	return true;
}

/* Nobody is left to ask: what to say of it. */
static void
conclude(struct connect *w)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	if (all_gone(w)) {
		w->why = w->gone_why;
		return;
	}
	if (w->told != TOLD_NOTHING)
		return;
	buf_str(&b, w->tried.n ? "no exchanger answered: " : "no exchanger was asked: ");
	buf_add(&b, buf_slice(&w->tried));
	if (w->rests.n && b.cap - b.n > w->rests.n + 2)
		buf_fmt(&b, "%s%.*s", w->tried.n ? "; " : "", (int)w->rests.n, w->rests.p);
	outcome_set(&w->why, CAUSE_CONNECT, SL(""), buf_slice(&b));
}

struct smtp_link *
connect_next(struct connect *w)
{
	const char *to = w->d->route->target;
	struct smtp_link *l = NULL;
	int64_t begun_us;

	if (!to && !look_up(w))
		return NULL;
	begun_us = clock_us();
	if (to)
		l = to_socket(w, to);
	while (!l && w->n && w->dials < DIALS_MAX && w->refused < HOSTS_TRIED_MAX && w->sessions < SESSIONS_MAX &&
	    clock_ms() < w->end_ms)
		l = race(w);
	w->d->times.connect_us += clock_us() - begun_us;
	if (!l)
		conclude(w);
	return l;
}
