// SPDX-License-Identifier: ISC
/*
 * How a session with an exchanger begins (RFC 5321 section 3.1, 3.2; RFC 3207), step by step:
 * greeting, hello, STARTTLS, and hello again inside TLS.  Must not choose hosts, nor decide what
 * TLS they must offer (client/tls_policy).
 */
#include "client/greet.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "base/name.h"
#include "client/self.h"
#include "client/ticket.h"

struct start {
	struct smtp_link *l;
	const struct tls_policy *policy;
	struct tls_client *client;
	const struct attempt_sink *sink;
	struct outcome *why;
};

static enum greet_result
broken(struct start *s, int error, const char *doing)
{
	link_outcome(s->l, error, doing, s->why);
	return GREET_BROKEN;
}

static enum greet_result
greeting(struct start *s)
{
	struct smtp_link *l = s->l;
	int r = link_reply(l, l->config->relay.greeting_timeout_ms);

	if (r < 0)
		return broken(s, r, "the greeting");
	/* These codes mean so in the greeting only. */
	if (l->reply.code == 521 || l->reply.code == 554)
		return GREET_NO_SERVICE;
	if (l->reply.code / 100 != 2)
		return GREET_REFUSED;
	l->greeted = true;
	l->ours = self_greeting(l->config, buf_slice(&l->reply.text));
	return GREET_READY;
}

/* RFC 5321 section 4.1.1.1: our full name, or if we have none the address that the peer sees. */
static void
add_our_name(struct smtp_link *l, struct buf *b)
{
	const struct slice name = slice_str(l->config->server.hostname);
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;

	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) < 0 || ss.ss_family == AF_UNIX ||
	    name_is_fqdn(name)) {
		buf_add(b, name);
		return;
	}
	address_unmap(&ss, &len);
	if (ss.ss_family == AF_INET6)		/* the peer does not know our interfaces */
		((struct sockaddr_in6 *)&ss)->sin6_scope_id = 0;
	buf_str(b, ss.ss_family == AF_INET6 ? "[IPv6:" : "[");
	address_text(b, (const struct sockaddr *)&ss);
	buf_chr(b, ']');
}

static int
ask(struct smtp_link *l, const char *verb, bool offer)
{
	char space[512];
	struct buf b = BUF(space);
	const int on = 1;
	int r;

	buf_str(&b, verb);
	buf_chr(&b, ' ');
	add_our_name(l, &b);
	buf_str(&b, "\r\n");
	r = link_command(l, buf_slice(&b));
	if (r == 0 && l->stream.tls) {
		/* Session tickets come first.  A server with Nagle's algorithm sends no more until
		 * they are acknowledged. */
		r = link_flush(l);
		(void)setsockopt(l->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	}
	if (r < 0)
		return r;
	return offer ? link_offer(l, l->config->relay.command_timeout_ms)
		     : link_reply(l, l->config->relay.command_timeout_ms);
}

/* An old server, or a filter in front of it, refuses EHLO with any code (RFC 5321 section 3.2).
 * Only 500 and 502 mean that the server knows no EHLO. */
static enum greet_result
hello_without_extensions(struct start *s)
{
	struct smtp_link *l = s->l;
	struct smtp_peer_reply refusal = l->reply;
	int r = ask(l, "HELO", false);

	l->silent = refusal.code != 500 && refusal.code != 502;
	if (r == -ECONNRESET || r == -EPIPE) {	/* the reply to EHLO explains more */
		smtp_peer_reply_copy(&l->reply, &refusal);
		return GREET_REFUSED;
	}
	if (r < 0)
		return broken(s, r, "HELO");
	return l->reply.code / 100 == 2 ? GREET_READY : GREET_REFUSED;
}

static enum greet_result
hello(struct start *s)
{
	struct smtp_link *l = s->l;
	const char *verb = l->lmtp ? "LHLO" : "EHLO";
	int r;

	/* An offer outside TLS is worth nothing inside (RFC 3207 section 4.2). */
	client_offer_init(&l->peer);
	l->peer.ignore = slice_str(l->config->relay.ignore_keywords);
	l->silent = false;
	r = ask(l, verb, true);
	if (r < 0)
		return broken(s, r, verb);
	if (l->reply.code / 100 == 2)
		return GREET_READY;
	return l->lmtp || l->closed ? GREET_REFUSED : hello_without_extensions(s);
}

/* No TLS, or not with the right host: the outcome, and what the operator can do about it. */
static enum greet_result
insecure(struct start *s, enum outcome_cause cause, struct slice what)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);

	buf_add(&b, what);
	if (cause == CAUSE_TLS_FAILED && s->policy->tls == RELAY_TLS_MAY) {
		s->l->tls_failed = true;
		buf_str(&b, "; the next attempt will be in the clear");
	} else if (cause != CAUSE_LOCAL) {
		buf_fmt(&b, "; TLS is required (%s): %s", s->policy->source,
		    cause == CAUSE_TLS_UNVERIFIED ? s->policy->remedy : s->policy->remedy_none);
	}
	outcome_set(s->why, cause, slice_str(s->l->host), buf_slice(&b));
	transcript_fact(s->l->transcript, "%s", s->why->detail);
	return GREET_BROKEN;
}

/* The connection may break behind STARTTLS as anywhere else.  If it does so again, TLS is at
 * fault. */
static bool
is_accident(const struct start *s, int error)
{
	return s->policy->tls == RELAY_TLS_MAY && !s->policy->shaky &&
	    (error == -ETIMEDOUT || error == -ECONNRESET || error == -EPIPE);
}

/* The host breaks off where a session is to be resumed.  Perhaps it cannot stand that. */
static enum greet_result
spurn(struct start *s, int error)
{
	ticket_spurn(s->sink, s->l, &s->policy->demand);
	s->l->again = true;
	return broken(s, error, "a TLS handshake with a ticket");
}

/* The connection broke at TLS.  A host that closes there may do so as it restarts, or as it cannot
 * stand our TLS: it is asked again at once.  To wait for a silent one once more would take long. */
static enum greet_result
break_off(struct start *s, int error)
{
	s->l->tls_broke = true;
	s->l->again = error != -ETIMEDOUT;
	return broken(s, error, "the TLS handshake");
}

static enum greet_result
shake_hands(struct start *s, uint64_t timeout_ms)
{
	struct smtp_link *l = s->l;
	struct tls_demand demand = s->policy->demand;
	struct tls_facts facts = { .verified = false };
	char text[400];
	struct buf why = BUF(text);
	int r = tls_client_prepare(s->client, &demand, &why);

	l->closed = true;		/* no command can be sent during the handshake */
	if (r < 0)
		return insecure(s, CAUSE_LOCAL, buf_slice(&why));
	if (!demand.observe)		/* a resumed session shows no certificate */
		demand.session = ticket_take(s->sink, l, &demand);
	r = tls_connect(s->client, &demand, &l->stream, link_timeout(timeout_ms), &facts, &why);
	l->fault = facts.fault;
	if (r == -EKEYREJECTED)
		return insecure(s, CAUSE_TLS_UNVERIFIED, buf_slice(&why));
	if (r < 0 && demand.session.n)
		return spurn(s, r);
	if (r < 0 && is_accident(s, r))
		return break_off(s, r);
	if (r < 0)
		return insecure(s, CAUSE_TLS_FAILED, buf_slice(&why));
	l->closed = false;
	l->verified = facts.verified;
	l->resumed = facts.resumed;
	l->good = facts.good;
	(void)snprintf(l->tls, sizeof l->tls, "%s/%s%s%s%s", facts.version, facts.cipher,
	    facts.tlsa[0] ? "/dane:" : facts.verified ? "/verified" : "", facts.tlsa,
	    facts.resumed ? "/resumed" : "");
	transcript_fact(l->transcript, "TLS: %s", l->tls);
	return GREET_READY;
}

/* The peer does not offer TLS, or refuses it. */
static enum greet_result
without(struct start *s, bool asked)
{
	struct smtp_peer_reply *r = &s->l->reply;
	char space[400];
	struct buf b = BUF(space);

	if (s->policy->tls != RELAY_TLS_REQUIRE || s->policy->by_message)
		return GREET_READY;
	buf_str(&b, "STARTTLS is not offered");
	if (asked) {
		b.n = 0;
		buf_fmt(&b, "STARTTLS is offered, but was refused: %d ", r->code);
		buf_add(&b, slice_of(r->text.p, r->text.n < 200 ? r->text.n : 200));
	}
	return insecure(s, CAUSE_NO_TLS, buf_slice(&b));
}

static enum greet_result
starttls(struct start *s)
{
	struct smtp_link *l = s->l;
	int r = link_command(l, SL("STARTTLS\r\n"));

	/* The replies may be here before they are due.  A command that is sent inside TLS instead
	 * would get a reply that later ones are mistaken for. */
	if (r == 0)
		r = link_flush(l);
	if (r == 0)
		r = link_reply(l, l->config->relay.command_timeout_ms);
	if (r < 0) {
		link_outcome(l, r, "STARTTLS", s->why);
		l->tls_broke = is_accident(s, r);
		if (l->tls_broke)
			return GREET_BROKEN;
		return insecure(s, CAUSE_TLS_FAILED, slice_str(s->why->detail));
	}
	if (l->closed)			/* 421 */
		return GREET_REFUSED;
	if (l->reply.code / 100 != 2)
		return without(s, true);
	/* Octets from outside TLS, by anybody, must not count as inside. */
	if (stream_pending(&l->stream).n) {
		l->closed = true;
		return insecure(s, CAUSE_TLS_FAILED,
		    SL("the host sent more octets behind its reply to STARTTLS"));
	}
	return shake_hands(s, l->config->relay.command_timeout_ms);
}

static enum greet_result
secure(struct start *s)
{
	struct smtp_link *l = s->l;
	enum greet_result r;

	if (s->policy->tls == RELAY_TLS_MAY || s->policy->tls == RELAY_TLS_REQUIRE) {
		r = l->peer.offers[SMTP_EXT_STARTTLS] ? starttls(s) : without(s, false);
		if (r != GREET_READY || !l->stream.tls)
			return r;
		r = hello(s);
		if (r == GREET_BROKEN && l->resumed)
			return spurn(s, -ECONNRESET);
		/* Some servers send nothing after the handshake, again and again: TLS has failed
		 * there too. */
		if (r == GREET_BROKEN && s->policy->tls == RELAY_TLS_MAY &&
		    (s->policy->shaky || s->why->cause != CAUSE_LOST))
			return insecure(s, CAUSE_TLS_FAILED, slice_str(s->why->detail));
		l->tls_broke = r == GREET_BROKEN;
		return r;
	}
	return GREET_READY;
}

enum greet_result
greet_link(struct smtp_link *l, const struct tls_policy *policy, struct tls_client *client,
    const struct attempt_sink *sink, struct outcome *ret_why)
{
	struct start s = {
		.l = l, .policy = policy, .client = client, .sink = sink, .why = ret_why,
	};
	enum greet_result r;

	l->downgraded = policy->downgraded;
	if (policy->downgraded)
		(void)snprintf(l->tls, sizeof l->tls, OUTCOME_TLS_DOWNGRADED);
	r = policy->implicit ? shake_hands(&s, l->config->relay.greeting_timeout_ms) : GREET_READY;
	if (r == GREET_READY)
		r = greeting(&s);
	if (r == GREET_READY)
		r = hello(&s);
	if (r == GREET_READY && !policy->implicit)
		r = secure(&s);
	if (r == GREET_READY && l->stream.tls)
		ticket_leave(sink, l, &policy->demand);
	return r;
}

unsigned
greet_check(const struct config *c, const struct config_report *report)
{
	const struct tls_demand demand = {
		.name = "",
		.verify = true,
		.authorities = c->relay.tls_ca_file,
	};
	struct tls_client client = { 0 };
	char text[400] = "[relay] tls-ca-file: ";
	struct buf why = { .p = text, .n = strlen(text), .cap = sizeof text };
	int r = 0;

	if (c->relay.tls_ca_file)
		r = tls_client_prepare(&client, &demand, &why);
	if (r < 0)
		report->error(report->ctx, NULL, 0, buf_cstr(&why));
	tls_client_done(&client);
	return r < 0;
}
