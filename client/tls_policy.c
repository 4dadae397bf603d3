// SPDX-License-Identifier: ISC
/*
 * The TLS that a destination demands, by the message, the route, the configuration and the history
 * of a host.  Pure.  Must not know how TLS is done (client/greet).
 */
#include "client/tls_policy.h"

#include "smtp/extension.h"

/* The demand of the configuration. */
static void
from_route(struct tls_policy *t, const struct config *c, const struct route *r)
{
	t->tls = c->relay.tls;
	t->source = "[relay] tls";
	t->remedy = "a [route] with tls = may would accept any certificate, "
	    "and tls-ca-file can name its authority";
	t->remedy_none = "a [route] with tls = may would send it in the clear";
	if (r->scheme != SCHEME_ANY) {
		t->implicit = r->scheme == SCHEME_IMPLICIT;
		t->tls = RELAY_TLS_REQUIRE;
		t->source = t->implicit ? "smtps://" : "smtp+starttls://";
		t->remedy = "correct that, "
		    "or name the authority of its certificate in [relay] tls-ca-file";
		t->remedy_none = t->implicit ?
		    "ask its operator, or try another port, or smtp+starttls://" :
		    "ask its operator, or try another port, or smtps://";
	} else if (r->tls != RELAY_TLS_UNSET) {
		t->tls = r->tls;
		t->source = "tls of the route";
		t->remedy = "tls = may would accept any certificate, "
		    "and tls-ca-file can name its authority";
		t->remedy_none = "tls = may would send it in the clear";
	} else if (way_of(r->via)->clear) {
		t->tls = RELAY_TLS_NONE;
		t->source = way_of(r->via)->clear;
	}
}

struct tls_policy
tls_policy_of(const struct delivery *d, bool requiretls)
{
	const struct config *c = d->config;
	const struct route *r = d->route;
	struct tls_policy t = { .demand = { .name = "", .authorities = c->relay.tls_ca_file } };

	from_route(&t, c, r);
	t.learns = t.tls == RELAY_TLS_LEARNED;
	if (t.learns)
		t.tls = RELAY_TLS_MAY;
	/* The exchanger's name should be secured by DNSSEC or MTA-STS; we verify its certificate
	 * only.  Final delivery is exempt (RFC 8689 section 4.2.1). */
	if (requiretls && t.tls != RELAY_TLS_REQUIRE && !way_of(r->via)->ends_here) {
		t.tls = RELAY_TLS_REQUIRE;
		t.by_message = true;
		t.source = smtp_extension(SMTP_EXT_REQUIRETLS)->keyword.p;
		t.remedy = t.remedy_none = "the sender of the message demands it";
	}
	t.demand.verify = t.tls == RELAY_TLS_REQUIRE;
	t.demand.look = way_of(r->via)->by_domain;
	return t;
}

/* The demand of records of DANE.  They decide alone: a certificate that fits them needs no
 * authority.  If none of them is usable, they add nothing to a demand that verifies. */
static void
from_dane(struct tls_policy *t, const struct exchanger_tls *x)
{
	const bool match = x->dane.verdict == DANE_MATCH;

	if (!match && (x->dane.verdict != DANE_ENCRYPT || t->tls == RELAY_TLS_REQUIRE))
		return;
	t->tls = RELAY_TLS_REQUIRE;
	t->by_message = false;
	t->source = x->source;
	t->remedy = t->remedy_none = "the operator of that host must correct "
	    "its TLS or the records";
	t->demand.verify = false;
	t->demand.dane = match ? &x->demand : NULL;
}

/* The host has shown good certificates for a month. */
static void
from_history(struct tls_policy *t)
{
	t->tls = RELAY_TLS_REQUIRE;
	t->demand.verify = true;
	t->source = "tls = learned: it has shown good certificates for a month";
	t->remedy = t->remedy_none = "ask its operator; a [route] with tls = may, or without "
	    "its line in state/learned, it would go out";
}

void
tls_policy_by_sts(struct tls_policy *t)
{
	t->demand.dns_names = true;
	if (t->tls == RELAY_TLS_REQUIRE && !t->by_message)
		return;
	t->tls = RELAY_TLS_REQUIRE;
	t->by_message = false;
	t->demand.verify = true;
	t->source = "the MTA-STS policy of the domain";
	t->remedy = "its operator must correct the certificate or the policy; "
	    "a [route] with tls = may would accept any certificate";
	t->remedy_none = "its operator must offer TLS or correct the policy; "
	    "a [route] with tls = may would send it in the clear";
}

void
tls_policy_of_host(struct tls_policy *t, const struct delivery *d, const struct mx_exchanger *x,
    const struct exchanger_tls *published, const struct sockaddr_storage *address, int64_t now_s)
{
	char key[HOST_KEY];
	const struct host *host;

	host_key(key, address);
	host = hosts_find(d->hosts, key);
	t->demand.name = x->name;
	if (published && t->tls != RELAY_TLS_NONE)
		from_dane(t, published);
	if (t->learns && t->tls == RELAY_TLS_MAY &&
	    learned_is(learned_find(&d->hosts->learned, x->name, now_s)))
		from_history(t);
	t->shaky = host && hosts_broke_at_tls(host, now_s);
	t->downgraded = t->tls == RELAY_TLS_MAY && host &&
	    hosts_spared_until(host, HOST_SPARED_TLS, now_s);
	if (t->downgraded)
		t->tls = RELAY_TLS_NONE;
}

bool
tls_policy_requiretls(const struct queue_entry *e)
{
	return e->from.n && smtp_extension_used(e->from_params, SMTP_EXT_REQUIRETLS);
}
