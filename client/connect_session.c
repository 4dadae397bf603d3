// SPDX-License-Identifier: ISC
/*
 * The result of TLS at an exchanger, for a report to its domain (RFC 8460).  Sessions that ended
 * before TLS could begin say nothing about it, and neither do those of reports: a report about them
 * would cause the next one.
 */
#include "client/connect.h"

#include "base/cidr.h"
#include "client/sts.h"
#include "policy/tls_result.h"

static bool
is_wanted(const struct connect *c)
{
	const struct delivery *d = c->d;

	return d->sink->session && d->config->reports.contact && !c->e->report &&
	    way_of(d->route->via)->by_domain && !way_of(d->route->via)->lmtp;
}

static void
add_records(struct tls_result *s, const struct exchanger_tls *x)
{
	for (size_t i = 0; i < x->answer.nrecords; i++) {
		const struct dns_record *r = &x->answer.records[i];
		char space[sizeof s->text];
		struct buf b = BUF(space);

		if (r->type != DNS_TLSA)
			continue;
		buf_fmt(&b, "%u %u %u ", r->tlsa.usage, r->tlsa.selector, r->tlsa.matching);
		for (size_t k = 0; k < r->tlsa.n && !b.full; k++)
			buf_fmt(&b, "%02X", r->tlsa.octets[k]);
		if (!b.full)
			tls_result_add_text(s, buf_slice(&b));
	}
}

static void
add_lines(struct tls_result *s, struct slice policy)
{
	while (policy.n) {
		struct slice line = slice_cut(policy, '\n', &policy);

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = slice_trim(line);
		if (line.n)
			tls_result_add_text(s, line);
	}
}

static void
set_result(struct tls_result *s, enum tls_result_type result, const char *reason)
{
	s->result = result;
	tls_result_set_reason(s, slice_str(reason));
}

/* The policy that counts at an exchanger, and what is wrong with it whatever the host does.  NULL:
 * there is no record of MTA-STS. */
static const struct sts_record *
set_policy(struct tls_result *s, const struct connect *c, const struct mx_exchanger *x)
{
	static const enum tls_result_type failures[] = {
		[STS_FAILURE_FETCH] = TLS_RESULT_STS_FETCH_ERROR,
		[STS_FAILURE_POLICY] = TLS_RESULT_STS_INVALID,
		[STS_FAILURE_CERTIFICATE] = TLS_RESULT_STS_WEBPKI_INVALID,
	};
	const struct exchanger_tls *published = c->published[x - c->mx.exchangers];
	const struct sts_record *r = sts_find(c->d), *failed = sts_failed(c->d);
	char reason[sizeof s->reason];

	(void)snprintf(s->mx, sizeof s->mx, "%s", x->name);
	if (published && published->dane.verdict != DANE_NONE) {
		s->policy = TLS_RESULT_TLSA;
		add_records(s, published);
		if (published->dane.verdict == DANE_ENCRYPT)
			set_result(s, TLS_RESULT_TLSA_INVALID, "no record is usable");
		return NULL;
	}
	if (r && r->policy.mode == STS_NONE)
		return NULL;
	if (r || failed)
		s->policy = TLS_RESULT_STS;
	if (r)
		add_lines(s, r->policy.text);
	if (failed) {
		(void)snprintf(reason, sizeof reason, "%.*s", (int)failed->reason.n,
		    failed->reason.n ? failed->reason.p : "");
		set_result(s, failures[failed->failure], reason);
	}
	return r;
}

static enum tls_result_type
result_of_fault(enum tls_fault fault)
{
	static const enum tls_result_type results[] = {
		[TLS_FAULT_NONE] = TLS_RESULT_VALIDATION_FAILURE,
		[TLS_FAULT_NAME] = TLS_RESULT_HOST_MISMATCH,
		[TLS_FAULT_DATES] = TLS_RESULT_EXPIRED,
		[TLS_FAULT_UNTRUSTED] = TLS_RESULT_NOT_TRUSTED,
		[TLS_FAULT_RECORDS] = TLS_RESULT_TLSA_INVALID,
	};

	return results[fault];
}

/* The result of a session without TLS.  False: it does not matter for TLS. */
static bool
set_failure(struct tls_result *s, const struct smtp_link *l, enum greet_result result,
    const struct outcome *why)
{
	if (result == GREET_READY && l->downgraded)
		set_result(s, TLS_RESULT_VALIDATION_FAILURE,
		    "TLS has failed with this host lately, so it was not tried again");
	else if (result == GREET_READY)
		set_result(s, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "");
	else if (result == GREET_BROKEN && why->cause == CAUSE_NO_TLS)
		set_result(s, TLS_RESULT_STARTTLS_NOT_SUPPORTED, why->detail);
	else if (result == GREET_BROKEN && why->cause == CAUSE_TLS_UNVERIFIED)
		set_result(s, result_of_fault(l->fault), why->detail);
	else if (result == GREET_BROKEN && why->cause == CAUSE_TLS_FAILED)
		set_result(s, TLS_RESULT_VALIDATION_FAILURE, why->detail);
	else
		return false;
	return true;
}

/* Inside TLS, with a policy that is only tried out (RFC 8461 section 5: "testing"). */
static void
set_trial(struct tls_result *s, const struct smtp_link *l, const struct sts_policy *p)
{
	if (!sts_allows(p, slice_str(s->mx)))
		set_result(s, TLS_RESULT_VALIDATION_FAILURE,
		    "the policy does not allow this exchanger");
	else if (l->fault != TLS_FAULT_NONE)
		set_result(s, result_of_fault(l->fault), "");
}

static void
set_addresses(struct tls_result *s, const struct order_target *t, const struct smtp_link *l)
{
	struct buf theirs = BUF(s->theirs), ours = BUF(s->ours);
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;

	address_text(&theirs, (const struct sockaddr *)t->address);
	(void)buf_cstr(&theirs);
	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0)
		address_text(&ours, (const struct sockaddr *)&ss);
	(void)buf_cstr(&ours);
}

void
connect_session_opened(const struct connect *c, const struct order_target *t,
    const struct smtp_link *l, const struct tls_policy *p, enum greet_result result,
    const struct outcome *why)
{
	struct tls_result s = { .result = TLS_RESULT_SUCCESS };
	const struct sts_record *r;

	if (!is_wanted(c) || l->waived || (p->tls == RELAY_TLS_NONE && !p->downgraded))
		return;
	r = set_policy(&s, c, t->exchanger);
	if (!l->stream.tls || l->tls_failed) {
		if (!set_failure(&s, l, result, why))
			return;
	} else if (r && r->policy.mode == STS_TESTING && s.result == TLS_RESULT_SUCCESS) {
		set_trial(&s, l, &r->policy);
	}
	set_addresses(&s, t, l);
	c->d->sink->session(c->d->sink->ctx, &s);
}

void
connect_session_skipped(const struct connect *c, const struct mx_exchanger *x,
    enum outcome_cause cause, const char *why)
{
	struct tls_result s = { .result = TLS_RESULT_SUCCESS };

	if (!is_wanted(c))
		return;
	(void)set_policy(&s, c, x);
	set_result(&s, cause == CAUSE_DANE ? TLS_RESULT_DNSSEC_INVALID :
	    TLS_RESULT_VALIDATION_FAILURE, why);
	c->d->sink->session(c->d->sink->ctx, &s);
}
