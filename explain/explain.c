// SPDX-License-Identifier: ISC
/*
 * The runner's decisions, printed instead of carried out.  It uses the same look-ups in the same
 * order as a delivery, so it prints what would happen.
 */
#include "explain/explain.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "aliases/expand.h"
#include "aliases/returns.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/text.h"
#include "client/credential.h"
#include "client/exchangers.h"
#include "client/sts.h"
#include "client/tls_policy.h"
#include "delivery/delivery.h"
#include "explain/say.h"
#include "hosts/hosts.h"
#include "hosts/order.h"
#include "mailbox/path.h"
#include "maildir/maildir.h"
#include "maildir/user.h"
#include "queue/run.h"
#include "runner/frozen.h"
#include "smtp/address.h"
#include "smtp/verp.h"

#define PROBE_MS 5000		/* to connect to a host that was never measured */

static const struct {
	enum mx_status status;
	const char *text;
} verdicts[] = {
	{ MX_NULL, "bounces at once: the domain accepts no mail (5.1.10, RFC 7505)" },
	{ MX_NXDOMAIN, "bounces at once: no such domain (5.1.2)" },
	{ MX_NO_HOST, "bounces at once: no exchanger has an address (5.4.4)" },
	{ MX_BAD_NAME, "bounces at once: not a domain name (5.1.2)" },
	{ MX_OWN, "bounces at once: it would come back to this host (5.4.6)" },
	{ MX_DEFER, "is kept and tried again later: the DNS does not answer (4.4.3)" },
};

static void
explain_server_list(const struct dns_resolver *resolver, struct say *s)
{
	char text[DNS_SERVERS_MAX * 64];
	struct buf b = BUF(text);

	for (size_t i = 0; i < resolver->nservers; i++) {
		buf_str(&b, i ? ", " : "");
		address_text(&b, (const struct sockaddr *)&resolver->servers[i]);
	}
	say_line(s, "resolver", "%.*s", (int)b.n, b.p);
}

/* Connects to the hosts without a measurement, and learns their latency. */
static void
probe_hosts(const struct config *c, struct hosts *hosts, const struct order_target *targets,
    size_t n, bool silent)
{
	struct dial_target dial[DIAL_MAX];
	const struct mx_exchanger *names[DIAL_MAX];
	struct dial_options o = {
		.connect_timeout_ms = PROBE_MS,
		.first_timeout_ms = PROBE_MS,
		.linger_factor = 1000,
		.linger_max_ms = PROBE_MS,
		.silent = silent,
		.bind = c->relay.bind.list,
		.nbind = c->relay.bind.n,
	};
	size_t k = 0;
	int winner;

	for (size_t i = 0; i < n && k < DIAL_MAX; i++) {
		if (targets[i].reason == ORDER_MEASURED && !targets[i].at_least)
			continue;
		names[k] = targets[i].exchanger;
		dial[k++] = (struct dial_target){
			.address = *targets[i].address,
			.address_len = address_len(targets[i].address->ss_family),
		};
	}
	if (k == 0)
		return;
	winner = dial_race(dial, k, &o, "QUIT\r\n");
	if (winner >= 0) {
		if (!silent)
			(void)!write(dial[winner].fd, "QUIT\r\n", 6);
		close(dial[winner].fd);
	}
	for (size_t i = 0; i < k; i++) {
		struct host_report report = {
			.event = dial[i].state == DIAL_OPEN ? HOST_OPEN :
			    dial[i].state == DIAL_SLOW ? HOST_SLOW : HOST_FAILED,
			.connect_us = dial[i].connect_us,
			.first_us =
			    dial[i].state == DIAL_SLOW ? dial[i].waited_us : dial[i].first_us,
		};

		host_key(report.address, &dial[i].address);
		(void)snprintf(report.name, sizeof report.name, "%.63s", names[i]->name);
		hosts_learn(hosts, &report, clock_wall_s());
	}
}

/* start_ms: when it joins the first race; -1: it does not. */
static void
add_reason(const struct order_target *t, int start_ms, struct buf *b)
{
	char space[32], since_space[32];
	struct buf until = BUF(space), since = BUF(since_space);

	clock_stamp(&until, t->until_s);
	clock_stamp(&since, t->since_s);
	switch (t->reason) {
	case ORDER_MEASURED:
		buf_str(b, "answered");
		break;
	case ORDER_UNKNOWN:
		buf_str(b, "not measured: raced");
		break;
	case ORDER_FAILING:
		buf_str(b, t->level == ORDER_LAST
		    ? "takes mail and breaks off: tried after all others"
		    : "failed last time: tried after the others of its level");
		break;
	case ORDER_PAUSED:
		buf_fmt(b, "has failed since %s: not tried before %s", buf_cstr(&since),
		    buf_cstr(&until));
		return;
	case ORDER_IPV4:
		buf_fmt(b, "refused our IPv6 address: IPv4 only until %s", buf_cstr(&until));
		return;
	}
	if (start_ms > 0)
		buf_fmt(b, ", after %d ms without an answer", start_ms);
}

static void
explain_target_json(const struct order_target *t, size_t rank, const char *address,
    const struct host *h, const char *reason, struct say *s)
{
	say_begin(s, "exchanger");
	json_number(s->out, "rank", (int64_t)rank);
	json_number(s->out, "preference", t->exchanger->preference);
	json_text(s->out, "exchanger", slice_str(t->exchanger->name));
	json_text(s->out, "address", slice_str(address));
	if (h && h->first_us > 0)
		json_number(s->out, h->at_least ? "latency_us_least" : "latency_us",
		    (int64_t)h->first_us);
	json_text(s->out, "text", slice_str(reason));
	say_end(s);
}

/* by_mx: the exchangers come from the DNS entry of a domain. */
static void
explain_target(const struct hosts *hosts, const struct order_target *t, size_t rank, bool by_mx,
    int start_ms, struct say *s)
{
	char key[64], latency[32] = "no answer", space[200];
	struct buf reason = BUF(space);
	const struct host *h;

	host_key(key, t->address);
	h = hosts_find(hosts, key);
	if (h && h->first_us > 0)
		(void)snprintf(latency, sizeof latency, "%s%.1f ms", h->at_least ? "> " : "",
		    (double)h->first_us / 1000);
	add_reason(t, start_ms, &reason);
	if (s->json)
		explain_target_json(t, rank, key, h, buf_cstr(&reason), s);
	else
		text_print(s->out, "  %2zu  %10u  %-28s %-28s %-12s %s\n", rank,
		    t->exchanger->preference, by_mx && t->exchanger->implicit
		    ? "(no MX: the domain itself)" : t->exchanger->name,
		    key, latency, buf_cstr(&reason));
}

/* An exchanger without an address. */
static void
explain_lost(const struct mx_exchanger *x, struct say *s)
{
	if (!s->json) {
		text_print(s->out, "   -  %10u  %-28s %s\n", x->preference, x->name,
		    dns_status_text(x->status));
		return;
	}
	say_begin(s, "exchanger");
	json_number(s->out, "preference", x->preference);
	json_text(s->out, "exchanger", slice_str(x->name));
	json_text(s->out, "text", slice_str(dns_status_text(x->status)));
	say_end(s);
}

static void
explain_exchangers(const struct delivery *d, struct hosts *hosts, const struct mx_list *mx,
    bool by_mx, struct say *s)
{
	static struct order_target targets[ORDER_MAX];
	int start_ms[DIAL_MAX];
	size_t n, usable, raced;

	n = exchangers_order(d, mx, targets);
	probe_hosts(d->config, hosts, targets, n, d->route->scheme == SCHEME_IMPLICIT);
	n = exchangers_order(d, mx, targets);
	say_line(s, "order", "%s", d->config->relay.mx_order == MX_ORDER_LATENCY
	    ? "by latency only (mx-order = latency)"
	    : "by preference; within one preference by latency to the first octet of the greeting");
	if (!s->json)
		text_print(s->out, "  %2s  %10s  %-28s %-28s %-12s %s\n", "#", "preference",
		    "exchanger", "address", "latency", "");
	usable = order_usable(targets, n);
	raced = order_race(targets, usable, start_ms);
	for (size_t i = 0; i < n; i++)
		explain_target(hosts, &targets[i], i + 1, by_mx, i < raced ? start_ms[i] : -1, s);
	for (size_t i = 0; i < mx->n; i++)
		if (mx->exchangers[i].naddresses == 0)
			explain_lost(&mx->exchangers[i], s);
	if (n && !usable)
		say_line(s, "mail", "is kept and tried again later: every exchanger is paused "
		    "(4.4.1)");
}

static const char *const fates[] = {
	[EXPANSION_LOOP] = "bounces at once (5.4.6)",
	[EXPANSION_EMPTY] = "bounces at once (5.2.4)",
	[EXPANSION_LATER] = "is kept and tried again later (4.3.5)",
};

/* Prints the reverse-path that mail leaves with, if that is another one. */
static void
explain_returns(const struct config *c, const struct smtp_path *from, struct say *s)
{
	struct smtp_path returns;
	char text[400];
	struct buf why = BUF(text);
	int r;

	if (from->n == 0) {
		say_line(s, "srs", "to other domains with a reverse-path at %s, unless the sender "
		    "is null or ours", c->relay.srs_domain);
		return;
	}
	r = returns_make(c, smtp_path_text(from), &returns, &why);
	if (r < 0)
		say_line(s, "mail", "is kept and tried again later (4.3.5): %s", buf_cstr(&why));
	else if (r > 0)
		say_line(s, "srs", "to other domains from %s", returns.text);
}

static void
explain_expansion(const struct config *c, const struct expansion *x, const struct smtp_path *from,
    struct say *s)
{
	bool leaves = false;

	if (x->end != EXPANSION_MADE) {
		say_line(s, "mail", "%s: %s", fates[x->end], x->why);
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		const struct smtp_path *sender = &x->copies[x->members[i].copy].sender;
		const struct slice to = smtp_path_text(&x->members[i].path);
		struct smtp_path own = *sender;

		if (sender->n && config_route(c, smtp_path_domain(sender))->verp)
			(void)smtp_verp_make(smtp_path_text(sender), to, &own);
		say_line(s, "alias", "%s%s%s", to.p, own.n ? " from " : "", own.text);
		leaves |= sender->n == 0 && returns_leaves(c, &x->members[i].path);
	}
	if (x->nothing)
		say_line(s, "alias", "/dev/null: discarded");
	if (leaves)
		explain_returns(c, from, s);
}

/* Prints the members of an alias; false if the address is none. */
static bool
explain_alias(const struct config *c, const struct smtp_path *path, const struct smtp_path *from,
    struct say *s)
{
	struct alias_set nobody = { .config = c };
	struct aliases aliases;
	struct alias_hit hit;
	struct expansion x;
	bool found;

	if (aliases_init(&aliases, c) < 0)
		return false;
	found = aliases_find(&aliases, path, false, &hit) != 0;
	if (found && alias_expand(&aliases, path, &nobody, &x) == 0)
		explain_expansion(c, &x, from, s);
	if (found)
		expansion_done(&x);
	alias_set_done(&nobody);
	aliases_done(&aliases);
	return found;
}

/* Prints the hosts that get mail in the clear because their last handshake failed. */
static void
explain_downgrades(const struct tls_policy *terms, const struct delivery *d,
    const struct mx_exchanger *x, const struct exchanger_tls *published, struct say *s)
{
	const int64_t now_s = clock_wall_s();

	for (size_t i = 0; i < x->naddresses; i++) {
		struct tls_policy t = *terms;
		char key[64], space[64];
		struct buf until = BUF(space);

		tls_policy_of_host(&t, d, x, published, &x->addresses[i], now_s);
		if (!t.downgraded)
			continue;
		host_key(key, &x->addresses[i]);
		clock_stamp(&until, hosts_spared_until(hosts_find(d->hosts, key), HOST_SPARED_TLS,
		    now_s));
		say_line(s, NULL, "%s: in the clear until %s, as its last handshake failed", key,
		    buf_cstr(&until));
	}
}

/* Prints what the domain of a host demands, with the reasons. */
static void
explain_host_tls(const struct tls_policy *terms, const struct delivery *d,
    const struct mx_list *mx, const struct mx_exchanger *x, struct say *s)
{
	static struct exchanger_tls found;
	struct exchanger_tls *place = &found;
	struct cidr address;
	const bool asked = terms->tls != RELAY_TLS_NONE && x->naddresses &&
	    exchanger_tls_applies(d);

	if (asked) {
		exchanger_tls_find(d, mx, &x, 1, &place);
		say_line(s, "dane", "%s: %s", x->name, cidr_parse(slice_str(x->name), &address) ?
		    "an address has no records in the DNS, so DANE demands nothing" :
		    found.dane.chain);
	}
	if (learned_is(learned_find(&d->hosts->learned, x->name, clock_wall_s())))
		say_line(s, "learned", "%s: it has shown good certificates for a month", x->name);
	explain_downgrades(terms, d, x, asked ? &found : NULL, s);
	if (asked)
		exchanger_tls_done(&found);
}

static void
explain_tls(const struct delivery *d, const struct mx_list *mx, struct say *s)
{
	struct tls_policy terms = tls_policy_of(d, false);
	static const struct {
		const char *word, *means;
	} texts[] = {
		[RELAY_TLS_NONE] = { "none", "in the clear" },
		[RELAY_TLS_MAY] = { "may", "STARTTLS if it is offered, with any certificate" },
		[RELAY_TLS_REQUIRE] = {
			"require", "STARTTLS, and a certificate for the host's name",
		},
	};

	if (d->sts && sts_record_live(sts_kept(d), clock_wall_s()) &&
	    sts_kept(d)->policy.mode == STS_ENFORCE)
		tls_policy_by_sts(&terms);
	say_line(s, "tls", "%s (%s): %s", texts[terms.tls].word, terms.source,
	    terms.implicit ? "from the first octet, and a certificate for the host's name"
			   : texts[terms.tls].means);
	for (size_t i = 0; i < mx->n; i++)
		explain_host_tls(&terms, d, mx, &mx->exchangers[i], s);
}

/* Prints the policy of MTA-STS that is kept; none is fetched. */
static void
explain_sts(struct delivery *d, struct say *s)
{
	const struct sts_record *r;
	char space[64], list_space[400];
	struct buf until = BUF(space), list = BUF(list_space);
	struct slice rest, pattern;

	sts_begin(d);
	if (!d->sts)
		return;
	r = sts_kept(d);
	if (!sts_record_live(r, clock_wall_s())) {
		say_line(s, "mta-sts", r->failed_s ? "none; the last fetch failed: %.*s" :
		    "none is kept%.*s", (int)r->reason.n, r->reason.p);
		return;
	}
	clock_stamp(&until, r->expires_s);
	for (rest = r->policy.text; (pattern = sts_next_pattern(&rest)).n;)
		if (pattern.n + 2 < list.cap - list.n)
			buf_fmt(&list, " %.*s", (int)pattern.n, pattern.p);
	say_line(s, "mta-sts", "%s until %s, id %.*s:%s", sts_mode_word(r->policy.mode),
	    buf_cstr(&until), (int)r->id.n, r->id.p, buf_cstr(&list));
}

/* Loads the latencies of earlier runs, if the queue can be read. */
static void
load_hosts(const struct config *c, struct hosts *hosts)
{
	struct queue q;
	int error = queue_open(&q, c->queue.directory, QUEUE_LOOK);

	*hosts = (struct hosts){ 0 };
	if (error == 0) {
		hosts_load(hosts, q.state);
		hosts_pauses(hosts, c->queue.retry_min_s, c->queue.retry_max_s);
		queue_close(&q);
	} else {
		text_print(stderr, "smtp-relay: no latencies from earlier runs: %s: %s\n",
		    c->queue.directory, strerror(-error));
	}
}

/* Prints whether answers are validated.  Returns the socket to ask; 0: none. */
static int
explain_dnssec(const struct config *c, struct validator *validator, struct say *s)
{
	struct validator_news news;
	int fd;

	if (!validator) {
		say_line(s, "dnssec", "%s", c->relay.dnssec == RELAY_DNSSEC_TRUST_AD ?
		    "as name servers at loopback addresses report it (trust-ad)" : "off");
		return 0;
	}
	fd = validator_link(validator);
	if (fd <= 0 || validator_await(validator, &news) < 0)
		say_line(s, "dnssec", "cannot start the process that validates: %s",
		    fd < 0 ? strerror(-fd) : "it has ended");
	else if (news.works)
		say_line(s, "dnssec", "works, with the keys in %s", c->relay.dnssec_anchor);
	else
		say_line(s, "dnssec", "does not work, so answers of the DNS are used without "
		    "proof: %s", news.why);
	return fd < 0 ? 0 : fd;
}

static void
explain_domain(const struct config *c, const struct dns_resolver *resolver,
    struct validator *validator, const struct route *route, struct slice domain, struct say *s)
{
	const bool by_domain = way_of(route->via)->by_domain;
	char name[SMTP_PATH_MAX + 1];
	struct dns_resolver asking = *resolver;
	struct hosts hosts = { 0 };
	struct delivery d = {
		.config = c, .route = route, .resolver = &asking, .hosts = &hosts,
		.destination = by_domain ? name : route->via_text,
	};
	struct mx_list mx;

	(void)snprintf(name, sizeof name, "%.*s", (int)domain.n, domain.p);
	explain_server_list(resolver, s);
	asking.validator = explain_dnssec(c, validator, s);
	exchangers_find(&d, &mx);
	if (mx.detail[0])
		say_line(s, "dns", "%s", mx.detail);
	load_hosts(c, &hosts);
	if (exchanger_tls_waits(&d, &mx)) {
		say_line(s, "mail", "is kept and tried again later: hosts of the domain had TLSA "
		    "records in the last 30 days, and nothing can be validated now (4.7.5)");
	} else if (mx.status == MX_OK) {
		explain_exchangers(&d, &hosts, &mx, by_domain && name[0] != '[', s);
		explain_sts(&d, s);
		explain_tls(&d, &mx, s);
	}
	hosts_done(&hosts);
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
		if (verdicts[i].status == mx.status)
			say_line(s, "mail", "%s", by_domain ? verdicts[i].text
			    : "is kept and tried again later: the host cannot be found (4.4.3)");
	mx_list_done(&mx);
}

/* The results of user_find() for the local part without its detail. */
static int
look_up(const struct route *route, const struct smtp_path *path, uint64_t min_uid,
    struct user *ret, struct buf *name)
{
	if (mailbox_user(route, smtp_path_text(path), smtp_path_domain(path), false, name) < 0)
		return 0;
	return user_find(buf_cstr(name), min_uid, ret);
}

/* Prints the user whom the Maildir beneath a home, or at an absolute path, belongs to. */
static void
explain_owner(const struct route *route, const struct smtp_path *path, const char *folder,
    uint64_t min_uid, struct say *s)
{
	static struct user user;
	char space[sizeof user.name] = "";
	struct buf name = BUF(space);
	const int r = look_up(route, path, min_uid, &user, &name);

	if (r > 0)
		say_line(s, "mailbox", "%s%s%s, written as the user %s",
		    folder[0] == '/' ? "" : user.home, folder[0] == '/' ? "" : "/", folder,
		    user.name);
	else if ((r == 0 || r == -EPERM) &&
	    slice_eq(buf_slice(&name), SL("postmaster")))
		say_line(s, "mail", "is kept and tried again later: no user is the "
		    "postmaster (4.3.5)");
	else if (r == 0 || r == -EPERM)
		say_line(s, "mail", "bounces at once: %s (5.1.1)",
		    r == 0 ? "there is no such user here" : "a user of the system has no mailbox");
	else
		say_line(s, "mail", "is kept and tried again later: cannot look up the "
		    "user: %s", strerror(-r));
}

/* Is the whole local part the name of a user, although it seems to have a detail? */
static bool
is_whole_user(const struct route *exact, const struct smtp_path *path, uint64_t min_uid)
{
	static struct user user;
	char space[sizeof user.name] = "";
	struct buf name = BUF(space);

	return look_up(exact, path, min_uid, &user, &name) != 0;
}

static void
explain_mailbox(const struct route *route, const struct smtp_path *path, struct slice here,
    uint64_t min_uid, struct say *s)
{
	char space[PATH_MAX] = "";
	struct buf b = BUF(space);
	struct route exact = *route;
	int r;

	exact.subaddress = '\0';
	if (route->via == VIA_OWNER && route->subaddress && is_whole_user(&exact, path, min_uid))
		route = &exact;
	r = delivery_way_of(route)->mailbox(
	    route, smtp_path_text(path), smtp_path_domain(path), here, &b);
	if (r < 0)
		say_line(s, "mail", "bounces at once: no mailbox can have that name");
	else if (route->via == VIA_OWNER)
		explain_owner(route, path, buf_cstr(&b), min_uid, s);
	else
		say_line(s, "mailbox", "%s", buf_cstr(&b));
}

static void
explain_frozen(const struct config *c, const struct route *route, struct say *s)
{
	struct queue q;
	struct frozen_list list;
	const struct frozen *f;
	char since[32], until[32];
	struct buf from = BUF(since), to = BUF(until);

	if (queue_open(&q, c->queue.directory, QUEUE_LOOK) < 0)
		return;
	frozen_load(&list, q.state, clock_wall_s());
	f = frozen_now(&list, route, clock_wall_s());
	if (f) {
		clock_stamp(&from, f->since_s);
		clock_stamp(&to, f->until_s);
		say_line(s, "frozen",
		    "since %s, tried again at %s or by smtp-queue retry --all: %s",
		    buf_cstr(&from), buf_cstr(&to), f->why);
	}
	frozen_done(&list);
	queue_close(&q);
}

/* A token-command is not run: it may ask a person. */
static void
explain_login(const struct route *route, struct say *s)
{
	static struct credential secret;
	char space[400];
	struct buf why = BUF(space);

	if (route->token_command) {
		say_line(s, "login", "as %s with token-command %s", route->user,
		    route->token_command);
		return;
	}
	say_line(s, "login", "as %s with password-file %s", route->user,
	    route->password_file);
	if (credential_get(route, &secret, &why) < 0)
		say_line(s, NULL, "%s", buf_cstr(&why));
	credential_wipe(&secret);
}

static bool
is_address(const char *address, unsigned flags, struct smtp_path *ret)
{
	if (smtp_path_parse_whole(slice_str(address), SMTP_PATH_TOLERANT | flags, ret))
		return true;
	text_print(stderr, "smtp-relay: '%s' is not an address: write one like user@example.org\n",
	    address);
	return false;
}

/* Prints the route, and for a [sender] the routes of those who may not use it. */
static void
explain_route(const struct config *c, const struct route *route, const struct smtp_path *from,
    struct slice domain, struct say *s)
{
	static const char *const others[] = {
		[STANDING_STRANGER] = "strangers",
		[STANDING_USER] = "users whose address this is not",
	};

	say_line(s, "route", "%s%s via %s, accept from %s",
	    route->by_sender ? "sender " : "", route->pattern, route->via_text,
	    route->accept == ACCEPT_ANYONE ? "anyone" : "trusted clients only");
	for (size_t i = 0; route->by_sender && i < sizeof others / sizeof others[0]; i++) {
		const struct sender sender = { smtp_path_text(from), (enum standing)i };
		const struct route *theirs = config_route_from(c, sender, domain);

		if (theirs != route)
			say_line(s, NULL, "not for %s: their mail takes %s%s via %s",
			    others[i], theirs->by_sender ? "sender " : "route ",
			    theirs->pattern, theirs->via_text);
	}
}

/* An address of SRS becomes the one that it stands for.  False if it stands for none. */
static bool
follow_return(const struct config *c, struct smtp_path *path, struct say *s)
{
	struct smtp_path original;
	char text[400];
	struct buf why = BUF(text);
	int r;

	if (!returns_is(c, path))
		return true;
	r = returns_find(c->relay.srs_secret, path, &original, &why);
	if (r > 0) {
		say_line(s, "srs", "stands for %s: strangers may send notices to it",
		    original.text);
		*path = original;
	} else {
		say_line(s, "mail", "is refused (%s): %s", r == 0 ? "5.7.1" : "4.3.0",
		    buf_cstr(&why));
	}
	return r > 0;
}

int
explain(const struct config *c, const struct dns_resolver *resolver, struct validator *validator,
    const char *sender, const char *address, bool json, FILE *out)
{
	struct say all = { .out = out, .json = json }, *s = &all;
	struct smtp_path path, from = { .n = 0 };
	struct sender trusted = { .standing = STANDING_TRUSTED };
	struct slice domain;
	const struct route *route;

	text_init();
	if (!is_address(address, SMTP_PATH_NO_DOMAIN, &path) ||
	    (sender && sender[0] && !is_address(sender, SMTP_PATH_NULL, &from)))
		return EX_USAGE;
	say_line(s, "address", "%s", path.text);
	if (!follow_return(c, &path, s))
		return 0;
	domain = smtp_path_domain(&path);
	trusted.path = smtp_path_text(&from);
	route = domain.n ? config_route_from(c, trusted, domain)
			 : config_postmaster(c, &domain);
	if (from.n)
		say_line(s, "sender", "%s", from.text);
	explain_route(c, route, &from, domain, s);
	if (explain_alias(c, &path, &from, s))
		return 0;
	if (route->user)
		explain_login(route, s);
	if (way_of(route->via)->login)
		explain_frozen(c, route, s);
	if (way_has_hosts(route))
		explain_domain(c, resolver, validator, route, domain, s);
	else if (delivery_way_of(route)->mailbox)
		explain_mailbox(route, &path, domain, c->relay.min_uid, s);
	if (route->junk_folder)
		say_line(s, "junk", "marked messages go to the folder " MAILDIR_JUNK);
	return 0;
}
