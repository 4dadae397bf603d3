// SPDX-License-Identifier: ISC
/*
 * The exchangers of a destination that may get a message, by the TLS that their domains and the
 * sender demand.  Each demand is decided in client/tls_policy, policy/dane and policy/sts; here is
 * what it means for the search of a host.
 */
#include "client/connect.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client/sts.h"
#include "client/tls_required.h"

static bool
is_waived(struct connect *c)
{
	if (!c->waiver_known)
		c->waived = tls_required_waived(c->e);
	c->waiver_known = true;
	return c->waived;
}

/* Are the names of all exchangers those that the domain wants?  A route names its host itself. */
static bool
names_are_proven(const struct connect *c)
{
	return !way_of(c->d->route->via)->by_domain || c->mx.trust == DNS_SECURE;
}

static void
wait_for_dnssec(struct connect *c)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	c->demanded = true;
	buf_fmt(&b, "answers of the DNS cannot be validated now, and hosts of %s had TLSA records "
	    "in the last 30 days: its mail waits (smtp-queue doctor has advice)",
	    c->d->destination);
	outcome_set(&c->why, CAUSE_DANE, SL(""), buf_slice(&b));
}

/* REQUIRETLS, and the names of the exchangers are proven by nothing: there is no such mail (RFC
 * 8689 section 4.2.1).  If no proof can be had for now, the message waits. */
static bool
lacks_names(struct connect *c)
{
	const struct delivery *d = c->d;
	const bool failing = sts_failing(d) || (c->mx.trust == DNS_UNCHECKED &&
	    d->config->relay.dnssec != RELAY_DNSSEC_OFF);
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	if (!c->requiretls || c->mx.status != MX_OK || c->sts || names_are_proven(c))
		return false;
	buf_fmt(&b, "the sender demands TLS with a host whose name is proven (REQUIRETLS), and "
	    "DNSSEC or MTA-STS %s the exchangers of %s",
	    failing ? "cannot prove now" : "do not prove", d->destination);
	outcome_set(&c->why, failing ? CAUSE_DANE : CAUSE_TLS_NEEDED, SL(""), buf_slice(&b));
	return true;
}

bool
connect_tls_begin(struct connect *c, const struct sts_record *sts)
{
	if (sts && (sts->policy.mode == STS_ENFORCE ||
	    (sts->policy.mode == STS_TESTING && c->requiretls && !names_are_proven(c))))
		c->sts = &sts->policy;
	c->trial = sts && sts->policy.mode == STS_TESTING && c->d->config->reports.contact;
	if (exchanger_tls_waits(c->d, &c->mx) && !is_waived(c)) {
		wait_for_dnssec(c);
		return false;
	}
	return !lacks_names(c);
}

bool
connect_tls_lacks(struct connect *c, const struct outcome *why)
{
	if (!c->requiretls || (why->cause != CAUSE_NO_TLS && why->cause != CAUSE_TLS_UNVERIFIED))
		return false;
	c->lacking++;
	outcome_set(&c->lacking_why, CAUSE_TLS_NEEDED, slice_str(why->host),
	    slice_str(why->detail));
	return true;
}

/* The demands of the host's domain; NULL: none, or the message waives them. */
static const struct exchanger_tls *
published_of(struct connect *c, const struct order_target *t, struct smtp_link *l)
{
	const struct exchanger_tls *published = c->published[t->exchanger - c->mx.exchangers];
	const bool by_dane = published && published->dane.verdict != DANE_NONE;
	const bool demands = by_dane || c->sts;

	l->waived = demands && is_waived(c);
	c->demanded |= demands && !l->waived;
	if (l->waived)
		transcript_fact(l->transcript, "the message has TLS-Required: No, so the demands "
		    "of the host's domain do not count: %s",
		    by_dane ? published->dane.chain : "its MTA-STS policy");
	return l->waived ? NULL : published;
}

void
connect_tls_policy(struct connect *c, const struct order_target *t, struct smtp_link *l,
    struct tls_policy *p)
{
	const struct exchanger_tls *published = published_of(c, t, l);

	if (c->sts && !l->waived)
		tls_policy_by_sts(p);
	if (c->trial && !p->demand.verify)
		p->demand.observe = p->demand.dns_names = true;
	tls_policy_of_host(p, c->d, t->exchanger, published, t->address, clock_wall_s());
	l->named = names_are_proven(c) ||
	    (c->sts && sts_allows(c->sts, slice_str(t->exchanger->name)));
}

/* Leave out an exchanger that must get no mail now, by what its domain has published. */
static void
skip_exchanger(struct connect *c, const struct mx_exchanger *x, enum outcome_cause cause,
    const char *why)
{
	struct outcome o;
	size_t kept = 0;

	connect_add_tried(c, x->name, why);
	transcript_fact(c->d->transcript, "%s: %s", x->name, why);
	c->refused++;
	c->demanded = true;
	outcome_set(&o, cause, slice_str(x->name), slice_str(why));
	if (!connect_tls_lacks(c, &o))
		connect_keep_reason(c, REASON_LOST, &o);
	connect_session_skipped(c, x, cause, why);
	for (size_t i = 0; i < c->n; i++)
		if (c->targets[i].exchanger == x)
			connect_report_host(c, &c->targets[i], NULL, HOST_NOTHING,
			    HOST_TLS_UNKNOWN);
		else
			c->targets[kept++] = c->targets[i];
	c->n = kept;
}

/* Ask what the domains of the first n targets demand, as far as that is not known.  False if an
 * exchanger was left out. */
static bool
ask_domains(struct connect *c, size_t n)
{
	const struct mx_exchanger *asked[DIAL_MAX];
	struct exchanger_tls *found[DIAL_MAX];
	size_t nasked = 0;
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		const struct mx_exchanger *x = c->targets[i].exchanger;
		struct exchanger_tls **place = &c->published[x - c->mx.exchangers];

		if (*place || !(*place = calloc(1, sizeof **place)))
			continue;
		asked[nasked] = x;
		found[nasked++] = *place;
	}
	exchanger_tls_find(c->d, &c->mx, asked, nasked, found);
	for (size_t i = 0; i < nasked; i++) {
		if (found[i]->dane.verdict != DANE_UNKNOWN || is_waived(c))
			continue;
		/* No mail without an answer (RFC 7672 section 2.1.2). */
		skip_exchanger(c, asked[i], CAUSE_DANE, found[i]->dane.chain);
		all = false;
	}
	return all;
}

/* Leave out exchangers among the first n targets that the policy of MTA-STS does not allow.  False
 * if one was left out. */
static bool
obey_sts(struct connect *c, size_t n)
{
	char space[OUTCOME_DETAIL];
	struct buf why = BUF(space);

	for (size_t i = 0; c->sts && i < n; i++) {
		const struct mx_exchanger *x = c->targets[i].exchanger;

		if (!sts_forbids(c->sts, x, c->published[x - c->mx.exchangers]) || is_waived(c))
			continue;
		buf_fmt(&why, "the MTA-STS policy of %s does not allow the exchanger %s: "
		    "its operator must correct the policy or the MX records",
		    c->d->destination, x->name);
		skip_exchanger(c, x, CAUSE_TLS_UNVERIFIED, buf_cstr(&why));
		return false;
	}
	return true;
}

bool
connect_tls_allows(struct connect *c, size_t n)
{
	return (!exchanger_tls_applies(c->d) || ask_domains(c, n)) && obey_sts(c, n);
}

/* Each counts once a day.  A message may waive demands, but the host has shown what it has. */
void
connect_tls_learn(const struct connect *c, const struct order_target *t, const struct smtp_link *l,
    const struct outcome *why)
{
	const struct delivery *d = c->d;
	const bool insecure = why && (why->cause == CAUSE_NO_TLS ||
	    why->cause == CAUSE_TLS_FAILED || why->cause == CAUSE_TLS_UNVERIFIED);
	struct host_report r = { .event = l->good ? HOST_TLS_SHOWN : HOST_TLS_LOST };

	if (!way_of(d->route->via)->by_domain || l->downgraded || (why && !insecure) ||
	    c->policy.tls == RELAY_TLS_NONE ||
	    !learned_counts(&d->hosts->learned, t->exchanger->name, l->good, clock_wall_s()))
		return;
	(void)snprintf(r.name, sizeof r.name, "%s", t->exchanger->name);
	d->sink->host(d->sink->ctx, &r);
}
