// SPDX-License-Identifier: ISC
/*
 * One delivery to scripted servers (tests/lib/fake.h) as a row of a table.
 */
#ifndef TESTS_LIB_SMTP_CASE_H
#define TESTS_LIB_SMTP_CASE_H

#include "base/clock.h"
#include "tests/lib/fake.h"
#include "tests/lib/mail.h"

struct smtp_case {
	const char *name;
	const char *from, *to;		/* NULL: "a@b", "c@d"; several separated by '|' */
	const char *content, *wire;	/* NULL: a short message; the same */
	const char *script[FAKES];	/* of 127.0.0.1, .2, .3; NULL: the port is closed */
	const char *hostname;
	const char *want;		/* "kind status detail", detail cut anywhere; by '|' */
	bool timeouts;			/* they are short */
	unsigned transaction_ms;	/* transaction-timeout; 0: long */
	bool binary;			/* a fact of the content */
	bool utf8_header;		/* the same */
	bool verp;			/* each recipient has a reverse-path of its own */
	bool lmtp;
	char state;			/* of a delivered recipient in the file; 0: 'D' */
	const char *domain;		/* looked up by MX; NULL: host */
	const char *host;		/* of an smtp:// route; NULL: 127.0.0.1 */
	bool unknown;			/* no latency is known; else .1 is the fastest, then .2 */
	int64_t age_s;			/* since the message came in */
	unsigned attempts;		/* before this one */
	const char *params;		/* of MAIL, in the envelope; NULL: none */
	enum host_event known;		/* of each host, two times */
	bool spared_tls;		/* tls = may, and handshakes with the hosts have failed */
	unsigned busy;			/* bit i: the runner allows no dial to host i + 1 */
	unsigned won;			/* the host that is reported as the winner; 0: any */
	const char *reports;		/* of hosts, in order: "1 open|2 failed"; NULL: any */
};

#define SHORT_MESSAGE "Subject: x\r\n\r\nhello\r\n"

static struct config smtp_config;
static struct mail smtp_mail;

/* A name server, and the resolver that asks it. */
__attribute__((unused)) static pid_t
fake_resolver(struct dns_resolver *r)
{
	uint16_t port;
	pid_t pid = fake_dns(&port);

	*r = (struct dns_resolver){
		.nservers = 1, .timeout_ms = 1000, .attempts = 2,
		.server_len[0] = sizeof(struct sockaddr_in),
	};
	fake_address((struct sockaddr_in *)&r->servers[0], 0, port);
	return pid;
}

static void
smtp_configure(const struct smtp_case *c)
{
	static char name[] = "client.example", other[100];
	uint64_t ms = c->timeouts ? 350 : 3000;

	(void)snprintf(other, sizeof other, "%s", c->hostname ? c->hostname : "");
	smtp_config.server.hostname = c->hostname ? other : name;
	smtp_config.relay.connect_timeout_ms = smtp_config.relay.greeting_timeout_ms = ms;
	smtp_config.relay.command_timeout_ms = smtp_config.relay.data_timeout_ms = ms;
	smtp_config.relay.block_timeout_ms = ms;
	smtp_config.relay.dot_timeout_ms = c->timeouts ? 2000 : ms;
	smtp_config.relay.transaction_timeout_ms = c->transaction_ms ? c->transaction_ms : 60000;
	smtp_config.relay.latency_fresh_s = 3600;
	smtp_config.relay.allow_loopback = 1;	/* the servers of the test */
	smtp_config.relay.tls = c->spared_tls ? RELAY_TLS_MAY : RELAY_TLS_NONE;
}

static void
smtp_message(const struct smtp_case *c)
{
	mail_put(&smtp_mail, c->from ? c->from : "a@b", c->params ? c->params : "",
	    c->to ? c->to : "c@d", slice_str(c->content ? c->content : SHORT_MESSAGE));
	smtp_mail.e.arrived_us -= c->age_s * 1000000;
	smtp_mail.e.attempts = c->attempts;
	smtp_mail.e.verp = c->verp;
	smtp_mail.e.facts.utf8_header = c->utf8_header;
	smtp_mail.e.facts.binary = smtp_mail.e.facts.binary || c->binary;
}

static struct slice
smtp_wire(const struct smtp_case *c)
{
	return slice_str(c->wire ? c->wire : c->content ? c->content : SHORT_MESSAGE);
}

/* Are the outcomes as wanted, each reported once, and marked if and only if delivered? */
static bool
smtp_in_state(const char *want, char state)
{
	struct slice rest = slice_str(want);
	bool good = mail_reported(&smtp_mail);

	for (size_t i = 0; i < smtp_mail.e.nrcpts; i++) {
		const struct outcome *o = &smtp_mail.outcomes[i];
		struct slice one = slice_cut(rest, '|', &rest);
		char space[1000];
		struct buf b = BUF(space);

		buf_fmt(&b, "%s %s %s", outcome_text(o), o->status, o->detail);
		if (!one.n || !slice_has_prefix(buf_slice(&b), one) ||
		    (mail_state(&smtp_mail, i) == state) != (o->kind == OUTCOME_DELIVERED)) {
			printf("# recipient %zu: %.*s\n# on host %s\n", i, (int)b.n, b.p, o->host);
			return false;
		}
	}
	return good && rest.n == 0;
}

__attribute__((unused)) static bool
smtp_as_wanted(const char *want)
{
	return smtp_in_state(want, 'D');
}

static bool
smtp_reported(const struct mail *m, const char *reports)
{
	static const char *const events[] = {
		"nothing", "open", "slow", "failed", "refused", "broke", "proven", "no-ipv6",
		"no-bdat", "no-pipelining", "no-ahead", "no-clear", "bdat-broke",
	};
	char space[2000];
	struct buf b = BUF(space);

	if (!reports)
		return true;
	for (size_t i = 0; i < m->nhosts; i++)
		buf_fmt(&b, "%s%c %s", i ? "|" : "", m->hosts[i].address[8],
		    events[m->hosts[i].event]);
	if (slice_eq(buf_slice(&b), slice_str(reports)))
		return true;
	printf("# reports of hosts: %.*s\n", (int)b.n, b.p);
	return false;
}

__attribute__((unused)) static void
smtp_know(struct hosts *h, uint16_t port, const struct smtp_case *c)
{
	for (int i = 1; i <= 3; i++) {
		struct host_report r = {
			.event = HOST_OPEN, .connect_us = 1, .first_us = i * 1000,
		};

		(void)snprintf(r.address, sizeof r.address, "127.0.0.%d:%u", i, (unsigned)port);
		r.tls = c->spared_tls ? HOST_TLS_FAILED : HOST_TLS_UNKNOWN;
		hosts_learn(h, &r, clock_wall_s());
		r.event = c->known;
		hosts_learn(h, &r, clock_wall_s() - 1);
		hosts_learn(h, &r, clock_wall_s());
	}
}

__attribute__((unused)) static void
smtp_run(const struct smtp_case *c, const struct dns_resolver *resolver)
{
	static char host[100];
	static struct fakes f;
	struct hosts h = { 0 };
	struct route route = {
		.via = c->lmtp ? VIA_LMTP : c->domain ? VIA_MX : VIA_SMTP,
		.hosts = { { .name = host } }, .nhosts = c->domain ? 0 : 1,
	};
	struct delivery d = {
		.config = &smtp_config, .route = &route, .destination = c->domain,
		.resolver = resolver, .hosts = &h,
	};
	bool good;

	smtp_configure(c);
	smtp_message(c);
	fakes_open(&f);
	(void)snprintf(host, sizeof host, "%s", c->host ? c->host : "127.0.0.1");
	smtp_config.relay.port = route.hosts[0].port = f.port;
	if (!c->unknown)
		smtp_know(&h, f.port, c);
	for (unsigned i = 0; i < FAKES; i++)
		if (c->script[i])
			fakes_start(&f, i, c->script[i], smtp_wire(c));
	smtp_mail.busy = c->busy;
	smtp_mail.dialled = 0;
	mail_deliver(&smtp_mail, &d);
	delivery_done(&d);
	good = fakes_close(&f) && (!c->won || smtp_mail.dialled == c->won);
	good = smtp_in_state(c->want, c->state ? c->state : 'D') && good;
	good = smtp_reported(&smtp_mail, c->reports) && good;
	ok(good, "%s", c->name);
	hosts_done(&h);
}

/* Run the row with a message of about that size. */
__attribute__((unused)) static void
smtp_run_sized(const struct smtp_case *row, size_t size, const struct dns_resolver *resolver)
{
	char *content = malloc(size);
	struct smtp_case c = *row;
	struct buf b = { .p = content, .cap = size };

	if (!content) {
		ok(false, "%s: no memory", row->name);
		return;
	}
	while (b.n + 80 < b.cap)
		buf_str(&b, "0123456789012345678901234567890123456789012345678901234567\r\n");
	c.content = buf_cstr(&b);
	smtp_run(&c, resolver);
	free(content);
}

/* The same with 8 MB, more than the peer's window holds. */
__attribute__((unused)) static void
smtp_run_large(const struct smtp_case *row)
{
	smtp_run_sized(row, 8 << 20, NULL);
}

#endif
