// SPDX-License-Identifier: ISC
/*
 * From a destination to an open link (RFC 5321 section 5.1).  The DNS gives the exchangers; their
 * addresses are dialled in the order of hosts/order, unknown ones in a race, until one has greeted
 * us and accepted our EHLO.  The result of each dial goes to the sink.  The addresses, sessions and
 * time are bounded, whatever a domain publishes.
 */
#include "client/connect.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/auth.h"
#include "client/exchangers.h"
#include "client/ipv6_refused.h"
#include "client/self.h"
#include "client/state.h"
#include "client/sts.h"

#define DIALS_MAX	32
#define HOSTS_TRIED_MAX	16	/* hosts that failed or refused */
#define SESSIONS_MAX	4	/* sessions that began well and broke off */
#define ALL_HOSTS_MS	INT64_C(900000)
#define FAILING_CONNECT_MS 5000	/* for a host that failed before, while others are left */

void
connect_init(struct connect *c, struct delivery *d, const struct queue_entry *e)
{
	memset(c, 0, sizeof *c);
	c->d = d;
	c->e = e;
	c->requiretls = tls_policy_requiretls(e) && !way_of(d->route->via)->ends_here;
	c->policy = tls_policy_of(d, c->requiretls);
	c->tried = (struct buf)BUF(c->tried_space);
	c->paused = (struct buf)BUF(c->paused_space);
	c->end_ms = clock_ms() + ALL_HOSTS_MS;
}

void
connect_done(struct connect *c)
{
	for (size_t i = 0; i < MX_EXCHANGERS_MAX; i++) {
		if (c->published[i])
			exchanger_tls_done(c->published[i]);
		free(c->published[i]);
		c->published[i] = NULL;
	}
	if (c->looked_up)
		mx_list_done(&c->mx);
	c->looked_up = false;
}

void
connect_blame(struct connect *c, const struct outcome *o)
{
	connect_keep_reason(c, o->cause == CAUSE_REPLY_TEMPORARY ? REASON_REPLY : REASON_LOST, o);
}

bool
connect_met_all(const struct connect *c)
{
	return c->rank == REASON_NOTHING && c->refused == c->lacking && c->n == 0 &&
	    c->npaused == 0;
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
	case MX_OK:		/* but no address to dial */
	case MX_NO_HOST:
		break;
	}
	return CAUSE_DNS_NO_HOST;
}

/* The answer of the DNS, for people.  A smarthost that is not found is the operator's mistake, and
 * no reason to return mail. */
static void
not_found(struct connect *c)
{
	static const char *const words[] = {
		[MX_NXDOMAIN] = "there is no such domain: ",
		[MX_NO_HOST] = "the domain has no host that accepts mail: ",
		[MX_DEFER] = "the DNS gives no answer at present: ",
		[MX_OWN] = NULL,
	};
	const enum mx_status status = c->mx.status;
	const bool route = !way_of(c->d->route->via)->by_domain;
	const char *what = route ?
	    "no host that the route names can be found: " : words[status];
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	buf_str(&b, what ? what : "");
	buf_str(&b, c->mx.detail);
	outcome_set(&c->why, route ? CAUSE_DNS_DEFER : dns_cause(status), SL(""), buf_slice(&b));
}

/* The addresses to dial, in order.  A paused address is left out and reported: its mail waits. */
static void
put_in_order(struct connect *c)
{
	const size_t all = exchangers_order(c->d, &c->mx, c->targets);

	c->n = order_usable(c->targets, all);
	for (size_t i = c->n; i < all; i++) {
		struct buf b = c->paused;

		connect_note_paused(&c->targets[i], &b);
		if (!b.full)
			c->paused = b;
		if (c->targets[i].reason == ORDER_IPV4)
			c->avoided[c->navoided++] = c->targets[i];
		if (c->targets[i].reason != ORDER_PAUSED)
			continue;
		c->npaused++;
		connect_report_host(c, &c->targets[i], NULL, HOST_NOTHING, HOST_TLS_UNKNOWN);
	}
	c->n = order_choose(c->targets, c->n, HOSTS_TRIED_MAX);
}

static bool
look_up(struct connect *c)
{
	struct delivery *d = c->d;
	int64_t begun_us = clock_us();
	const struct sts_record *sts;

	if (c->looked_up)
		return true;
	sts_ask(d);
	exchangers_find(d, &c->mx);
	sts = c->mx.status == MX_OK ? sts_find(d) : NULL;
	c->looked_up = true;
	d->times.dns_us += clock_us() - begun_us;
	connect_note_answer(c);
	if (!connect_tls_begin(c, sts))
		return false;
	if (c->mx.status == MX_OK)
		put_in_order(c);
	if (c->n || c->npaused)
		return true;
	not_found(c);
	return false;
}

/* An error of this end: the host could not help it. */
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

/* Some errors have a cause that their usual text does not show. */
static const char *
dial_text(const struct connect *c, const struct dial_target *dialled)
{
	const int error = dialled->error;

	if (dialled->connect_us)
		return error == ETIMEDOUT ? "no greeting in time"
					  : "connected, but the host closed without a greeting";
	if (error == EADDRNOTAVAIL && c->d->config->relay.bind.n)
		return "Cannot assign requested address: this machine has no such address as bind "
		       "in [relay]";
	if (error == EACCES || error == EPERM)
		return "Permission denied: a firewall forbids it, here or on the path";
	return strerror(error);
}

static void
dial_failed(struct connect *c, const struct order_target *t, const struct dial_target *dialled)
{
	char host[300];
	const char *what = dial_text(c, dialled);

	connect_host_text(t, host);
	connect_note_dial(c, host, dialled, what);
	connect_add_tried(c, host, what);
	c->refused++;
	connect_report_host(c, t, dialled, ours(dialled->error) ? HOST_NOTHING : HOST_FAILED,
	    HOST_TLS_UNKNOWN);
}

/* An address that lost a race: what was measured of it.  It gets no second race. */
static void
lost_race(struct connect *c, struct order_target *t, const struct dial_target *dialled)
{
	const bool slow = dialled->state == DIAL_SLOW;
	char host[300];

	connect_host_text(t, host);
	connect_note_dial(c, host, dialled, "");
	connect_report_host(c, t, dialled, dialled->state == DIAL_OPEN ? HOST_OPEN : HOST_SLOW,
	    HOST_TLS_UNKNOWN);
	t->reason = ORDER_MEASURED;
	t->at_least = false;
	t->first_us = slow ? dialled->waited_us : dialled->first_us;
}

/* After a race, the winner and the failed are done with.  The others go back among the targets. */
static void
sort_out(struct connect *c, const struct dial_target *dialled, size_t raced, int winner)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct order_target t = c->targets[i];

		if (i < raced && dialled[i].state == DIAL_FAILED) {
			dial_failed(c, &t, &dialled[i]);
			continue;
		}
		if (i < raced && (int)i == winner)
			continue;
		if (i < raced && dialled[i].state != DIAL_UNTRIED)
			lost_race(c, &t, &dialled[i]);
		c->targets[kept++] = t;
	}
	c->n = kept;
	order_sort(c->targets, c->n);
}

static bool
has_ipv4(const struct connect *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->targets[i].address->ss_family == AF_INET)
			return true;
	return false;
}

void
connect_avoid_ipv6(struct connect *c, const struct smtp_link *l, const struct outcome *o)
{
	struct delivery *d = c->d;
	size_t kept = 0;

	connect_report_link(d, l, HOST_NO_IPV6);
	if (d->sink->moved)
		d->sink->moved(d->sink->ctx, d->destination, l->host, o->detail);
	connect_keep_reason(c, REASON_REPLY, o);
	if (!look_up(c))
		return;
	for (size_t i = 0; i < c->n; i++) {
		const struct order_target *t = &c->targets[i];

		/* Other hosts of this operator would also refuse us. */
		if (t->address->ss_family == AF_INET6)
			connect_report_host(c, t, NULL, HOST_NO_IPV6, HOST_TLS_UNKNOWN);
		else
			c->targets[kept++] = *t;
	}
	c->n = kept;
}

/* The host replied, but refuses the session: other hosts come first (RFC 5321 section 3.1, 4.5.4.1;
 * RFC 7504). */
static void
refused(struct connect *c, const struct smtp_link *l, bool no_service)
{
	const struct smtp_peer_reply *r = &l->reply;
	struct outcome o;

	connect_add_tried(c, l->host, "refused the session");
	if (ipv6_refused(l)) {
		outcome_set_reply(&o, CAUSE_REPLY_TEMPORARY, r, slice_str(l->host));
		connect_avoid_ipv6(c, l, &o);
		return;
	}
	c->refused++;
	if (r->code / 100 == 4) {
		outcome_set_reply(&o, CAUSE_REPLY_TEMPORARY, r, slice_str(l->host));
		connect_keep_reason(c, REASON_REPLY, &o);
		return;
	}
	if (no_service) {
		c->gone++;
		outcome_set_reply(&c->gone_why, CAUSE_REPLY_PERMANENT, r, slice_str(l->host));
	}
	outcome_set_reply(&o, r->code / 100 == 5 ? CAUSE_REFUSED_SESSION : CAUSE_PROTOCOL, r,
	    slice_str(l->host));
	connect_keep_reason(c, REASON_REFUSED, &o);
}

/* The host is our own server under another name or address.  Only exchangers of better preference
 * may get this mail (RFC 5321 section 5.1). */
static void
came_back(struct connect *c, const struct order_target *t, const char *host)
{
	const unsigned preference = t->exchanger->preference;
	struct outcome o;
	size_t kept = 0;

	connect_add_tried(c, host, "this is our own server");
	self_drop_from(&c->mx, t->exchanger, slice_str(c->d->destination));
	for (size_t i = 0; i < c->n; i++)
		if (c->targets[i].exchanger->preference < preference)
			c->targets[kept++] = c->targets[i];
	c->n = kept;
	if (c->mx.status == MX_OK)
		return;
	outcome_set(&o, dns_cause(c->mx.status), slice_str(host), slice_str(c->mx.detail));
	connect_keep_reason(c, REASON_OWN, &o);
}

/* The host is the next one once more. */
static void
put_back(struct connect *c, const struct order_target *t, const struct smtp_link *l)
{
	if (l->tls_broke)
		memcpy(c->d->client->tls_broke, l->key, sizeof l->key);
	memmove(&c->targets[1], &c->targets[0], c->n * sizeof c->targets[0]);
	c->targets[0] = *t;
	c->n++;
}

/* The host was spared TLS, and refuses the session: that is no answer until it was asked inside
 * TLS. */
static void
ask_by_tls(struct connect *c, const struct order_target *t, const struct smtp_link *l)
{
	connect_report_link(c->d, l, HOST_NO_CLEAR);
	c->d->client->tls_again = true;
	put_back(c, t, l);
}

static enum host_tls
tls_result(const struct smtp_link *l)
{
	if (l->tls_failed)
		return HOST_TLS_FAILED;
	if (l->tls_broke)
		return HOST_TLS_BROKE;
	return l->stream.tls ? HOST_TLS_GOOD : HOST_TLS_UNKNOWN;
}

/* No mail can go over this session.  A host that replies, but demands something we lack, is not a
 * failed host. */
static void
not_begun(struct connect *c, const struct order_target *t, const struct smtp_link *l,
    enum greet_result result, const struct outcome *why)
{
	const bool failed = result == GREET_BROKEN &&
	    (why->cause == CAUSE_LOST || why->cause == CAUSE_PROTOCOL);

	if (result != GREET_LOGIN)
		connect_report_host(c, t, NULL, failed ? HOST_FAILED : HOST_REFUSED, tls_result(l));
	if (result == GREET_REFUSED || result == GREET_NO_SERVICE) {
		refused(c, l, result == GREET_NO_SERVICE);
		return;
	}
	connect_add_tried(c, l->host, why->detail);
	c->refused++;
	if (!connect_tls_lacks(c, why))
		connect_keep_reason(c, result == GREET_LOGIN ? REASON_LOGIN : REASON_LOST, why);
	if (result == GREET_LOGIN)	/* on another host the same login could lock the account */
		c->n = 0;
}

/* Some things fail at this host although it offers them. */
static void
spare_host(struct smtp_link *l, const struct hosts *hosts, int64_t now_s)
{
	const struct host *host = hosts_find(hosts, l->key);

	if (!host)
		return;
	l->by_data = hosts_spared_until(host, HOST_SPARED_BDAT, now_s) != 0;
	if (hosts_spared_until(host, HOST_SPARED_PIPELINING, now_s))
		l->peer.offers[SMTP_EXT_PIPELINING] = false;
}

static enum greet_result
begin(struct connect *c, const struct order_target *t, struct smtp_link *l, struct outcome *ret_why)
{
	struct tls_policy policy = c->policy;
	enum greet_result result;

	l->alone = c->n + c->navoided + c->npaused + c->refused == 0;
	if (t) {
		host_key(l->key, t->address);
		l->ipv4_left = t->address->ss_family == AF_INET6 &&
		    (has_ipv4(c) || c->ipv6_again);
		l->others = c->n > 0;
		connect_tls_policy(c, t, l, &policy);
		policy.shaky |= strcmp(c->d->client->tls_broke, l->key) == 0;
		if (policy.downgraded && c->d->client->tls_again) {
			policy.tls = RELAY_TLS_MAY;
			policy.downgraded = false;
		}
	}
	l->named |= !t;
	l->lmtp = way_of(c->d->route->via)->lmtp;
	result = greet_link(l, &policy, &c->d->client->tls, c->d->sink, ret_why);
	if (result == GREET_READY && l->stream.tls)
		c->d->client->tls_broke[0] = '\0';
	if (t)
		connect_session_opened(c, t, l, &policy, result, ret_why);
	if (result == GREET_READY && c->d->route->user)
		result = auth_login(l, c->d->route, c->d->aide, ret_why);
	if (t)
		spare_host(l, c->d->hosts, clock_wall_s());
	return result;
}

/*
 * The session on a connection to a host that was dialled, or to a socket (t is NULL).  NULL if no
 * mail can go over it: such a host counts as failed, so that the next message begins with another.
 */
static struct smtp_link *
open_session(struct connect *c, const struct order_target *t, const char *host,
    const struct dial_target *dialled)
{
	struct smtp_link *l = link_new(dialled->fd, host, c->d->config, c->d->transcript);
	struct outcome why;
	enum greet_result result;
	bool ours;

	c->d->times.latency_us = dialled->first_us;
	if (!l) {
		outcome_set(&why, CAUSE_LOCAL, slice_str(host), SL("out of memory"));
		connect_keep_reason(c, REASON_LOST, &why);
		return NULL;
	}
	l->latency_us = dialled->first_us;
	l->until_ms = clock_ms() + link_life_ms(c->mx.ttl_s, l->latency_us);
	result = begin(c, t, l, &why);
	connect_report_host(c, t, dialled, HOST_OPEN, tls_result(l));
	if (t && (result == GREET_READY || (result == GREET_BROKEN && !l->again)))
		connect_tls_learn(c, t, l, result == GREET_READY ? NULL : &why);
	/* A socket is never an exchanger. */
	ours = t && l->ours && way_of(c->d->route->via)->by_domain;
	if (result == GREET_READY && !ours) {
		c->sessions++;
		return l;
	}
	if (result == GREET_READY && ours)
		came_back(c, t, host);
	else if (t && result == GREET_REFUSED && l->downgraded && l->greeted)
		ask_by_tls(c, t, l);
	else if (t && l->again)
		put_back(c, t, l);
	else
		not_begun(c, t, l, result, &why);
	link_done(l);
	return NULL;
}

static_assert(DIAL_MAX <= ATTEMPT_DIALS && ATTEMPT_DIALS <= 32, "a race can be asked for");

/* Leaves out of a race what may not be dialled now, as others use it.  The number that is left. */
static size_t
ask_leave(struct connect *c, size_t n, int start_ms[DIAL_MAX])
{
	const struct attempt_sink *sink = c->d->sink;
	uint64_t sites[DIAL_MAX];
	uint32_t allowed;
	size_t kept = 0;
	int first_ms = INT_MAX;

	if (!sink->dial || !way_of(c->d->route->via)->by_domain)
		return n;
	for (size_t i = 0; i < n; i++)
		sites[i] = host_site(c->targets[i].address);
	allowed = sink->dial(sink->ctx, sites, n);
	for (size_t i = 0; i < n; i++) {
		const struct order_target t = c->targets[i];

		if (!(allowed >> i & 1))
			continue;
		c->targets[i] = c->targets[kept];
		c->targets[kept] = t;
		start_ms[kept++] = start_ms[i];
		first_ms = start_ms[i] < first_ms ? start_ms[i] : first_ms;
	}
	for (size_t i = 0; i < kept; i++)
		start_ms[i] -= first_ms;
	return kept;
}

/* Reports the winner of a race, so that others may use what it has not taken. */
static void
report_winner(const struct connect *c, size_t n, const struct order_target *won)
{
	const struct attempt_sink *sink = c->d->sink;

	if (n > 1 && sink->dialled && way_of(c->d->route->via)->by_domain)
		sink->dialled(sink->ctx, host_site(won->address));
}

/* The targets of the next race; their number. */
static size_t
choose_targets(struct connect *c, int start_ms[DIAL_MAX])
{
	size_t n;

	do
		n = order_race(c->targets, c->n, start_ms);
	while (n && c->policy.tls != RELAY_TLS_NONE &&
	    !connect_tls_allows(c, n));
	return n ? ask_leave(c, n, start_ms) : 0;
}

static struct smtp_link *
race(struct connect *c)
{
	const struct config *config = c->d->config;
	struct dial_target dialled[DIAL_MAX];
	struct dial_options o = {
		.connect_timeout_ms = link_timeout(config->relay.connect_timeout_ms),
		.first_timeout_ms = link_timeout(config->relay.greeting_timeout_ms),
		.linger_factor = 2,
		.linger_max_ms = 100,
		.silent = c->policy.implicit,
		.bind = config->relay.bind.list,
		.nbind = config->relay.bind.n,
	};
	struct order_target won;
	char host[300];
	int start_ms[DIAL_MAX];
	size_t n = choose_targets(c, start_ms);
	int winner;

	if (n == 0)
		return NULL;
	if (c->targets[0].reason == ORDER_FAILING && n < c->n &&
	    o.connect_timeout_ms > FAILING_CONNECT_MS)
		o.connect_timeout_ms = FAILING_CONNECT_MS;
	memset(dialled, 0, sizeof dialled);
	for (size_t i = 0; i < n; i++) {
		dialled[i].address = *c->targets[i].address;
		dialled[i].address_len = address_len(c->targets[i].address->ss_family);
		dialled[i].delay_ms = start_ms[i];
		dialled[i].fd = -1;
	}
	winner = dial_race(dialled, n, &o, "QUIT\r\n");
	for (size_t i = 0; i < n; i++)
		c->dials += dialled[i].state != DIAL_UNTRIED;
	if (winner >= 0) {
		won = c->targets[winner];
		report_winner(c, n, &won);
	}
	sort_out(c, dialled, n, winner);
	if (winner < 0)
		return NULL;
	connect_host_text(&won, host);
	connect_note_dial(c, host, &dialled[winner], "");
	return open_session(c, &won, host, &dialled[winner]);
}

/* Connect to a Unix socket.  It is the only host, and needs no look-up. */
static struct smtp_link *
to_socket(struct connect *c, const char *path)
{
	struct dial_target dialled = { .fd = -1 };
	char space[200];
	struct buf b = BUF(space);
	struct outcome o;

	if (c->dials++)
		return NULL;
	dialled.fd = dial_socket(path, link_timeout(c->d->config->relay.connect_timeout_ms));
	if (dialled.fd >= 0) {
		transcript_fact(c->d->transcript, "%s: connected", path);
		return open_session(c, NULL, path, &dialled);
	}
	buf_fmt(&b, "cannot connect to %s: %s", path, strerror(-dialled.fd));
	transcript_fact(c->d->transcript, "%s", buf_cstr(&b));
	outcome_set(&o, CAUSE_SOCKET, SL(""), buf_slice(&b));
	connect_keep_reason(c, REASON_LOST, &o);
	c->refused++;
	return NULL;
}

/* Can the exchanger have addresses that the DNS did not give us this time? */
static bool
unknown_addresses(const struct mx_exchanger *x)
{
	return !x->naddresses && (x->status == DNS_SERVFAIL || x->status == DNS_TIMEOUT);
}

static bool
has_unknown(const struct connect *c)
{
	for (size_t i = 0; i < c->mx.n; i++)
		if (unknown_addresses(&c->mx.exchangers[i]))
			return true;
	return false;
}

/* The domain takes no mail if every host of it was asked and refuses mail for good (RFC 7504
 * section 4). */
static bool
all_gone(const struct connect *c)
{
	return c->gone && c->gone == c->refused && !c->n && !c->npaused && !c->sessions &&
	    !way_of(c->d->route->via)->lmtp && !has_unknown(c);
}

/* No host is left: the outcome of the recipients that are left. */
static void
conclude(struct connect *c)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	if (all_gone(c)) {
		c->why = c->gone_why;
		return;
	}
	if (c->lacking && connect_met_all(c) && !has_unknown(c)) {
		c->why = c->lacking_why;
		return;
	}
	if (c->rank != REASON_NOTHING)
		return;
	buf_str(&b, c->tried.n ? "no exchanger answered: " : "no exchanger was asked: ");
	buf_add(&b, buf_slice(&c->tried));
	if (c->paused.n && b.cap - b.n > c->paused.n + 2)
		buf_fmt(&b, "%s%.*s", c->tried.n ? "; " : "", (int)c->paused.n, c->paused.p);
	outcome_set(&c->why, CAUSE_CONNECT, SL(""), buf_slice(&b));
}

bool
connect_has_more(const struct connect *c)
{
	if (c->d->route->target)
		return c->dials == 0;
	return !c->looked_up || c->n || c->navoided;
}

static bool
may_dial(const struct connect *c)
{
	return c->n && c->dials < DIALS_MAX && c->refused < HOSTS_TRIED_MAX &&
	    c->sessions < SESSIONS_MAX && clock_ms() < c->end_ms;
}

/* No IPv4 address has taken the mail: IPv6 may be welcome again. */
static void
take_avoided(struct connect *c)
{
	memcpy(c->targets, c->avoided, c->navoided * sizeof c->targets[0]);
	for (size_t i = 0; i < c->navoided; i++)
		c->targets[i].reason = ORDER_UNKNOWN;
	c->n = c->navoided;
	c->navoided = 0;
	c->ipv6_again = true;
}

struct smtp_link *
connect_next(struct connect *c)
{
	const char *to = c->d->route->target;
	struct smtp_link *l = NULL;
	int64_t begun_us;

	if (!to && !look_up(c))
		return NULL;
	begun_us = clock_us();
	if (to)
		l = to_socket(c, to);
	while (!l && may_dial(c))
		l = race(c);
	if (!l && c->n == 0 && c->navoided)
		take_avoided(c);
	while (!l && may_dial(c))
		l = race(c);
	c->d->times.connect_us += clock_us() - begun_us;
	if (!l)
		conclude(c);
	return l;
}
