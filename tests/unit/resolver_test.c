// SPDX-License-Identifier: ISC
/* dns/resolver against servers that answer, forge, cut short, refuse and keep silent. */
#include "dns/resolver.h"

#include <stdio.h>

#include "base/clock.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/tap.h"

#define SOA { .type = T_SOA, .owner = "test", .data = "ns.test", .authority = true }

static const struct fake_answer zone[] = {
	{ "a.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.1" } } },
	{ "two.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.1" }, { T_A, .data = "192.0.2.2" } } },
	{ "aaaa.test", T_AAAA, 0, NO_TRICK, { { T_AAAA, .data = "2001:db8::1" } } },
	{ "mx.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "MX1.Test", .preference = 10 },
	    { T_MX, .data = "mx2.test", .preference = 20 } } },
	{ "_smtp.a-b.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.1" } } },
	{ "upper.test", T_A, 0, UPPER_CASE, { { T_A, .data = "192.0.2.1" } } },
	{ "nodata.test", T_ANY, 0, NO_TRICK, { SOA } },
	{ "nodata-bare.test", T_ANY, 0, NO_TRICK, { { 0 } } },
	{ "nx.test", T_ANY, 3, NO_TRICK, { SOA } },
	{ "other-type.test", T_ANY, 0, NO_TRICK, { { T_NS, .data = "ns.test" } } },
	{ "other-owner.test", T_ANY, 0, NO_TRICK, { { T_A, .owner = "a.test", .data = "192.0.2.66" }, SOA } },
	{ "referral.test", T_ANY, 0, NON_RECURSIVE, { { T_NS, .owner = "test", .data = "ns.test", .authority = true } } },
	{ "authoritative.test", T_ANY, 0, AUTHORITATIVE, { { T_NS, .owner = "test", .data = "ns.test", .authority = true } } },

	{ "forge-id.test", T_A, 0, FORGE_ID, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-question.test", T_A, 0, FORGE_QUESTION, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-type.test", T_A, 0, FORGE_TYPE, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-query.test", T_A, 0, FORGE_QUERY, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-opcode.test", T_A, 0, FORGE_OPCODE, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-two.test", T_A, 0, FORGE_TWO_QUESTIONS, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-short.test", T_A, 0, FORGE_SHORT, { { T_A, .data = "192.0.2.1" } } },
	{ "forge-all.test", T_AAAA, 0, FORGE_ALL, { { T_AAAA, .data = "2001:db8::1" } } },
	{ "only-forged.test", T_A, 0, ONLY_FORGED, { { 0 } } },

	{ "tc.test", T_A, 0, TRUNCATE, { { T_A, .data = "192.0.2.1" } } },
	{ "tc-bytewise.test", T_A, 0, TRUNCATE_BYTEWISE, { { T_A, .data = "192.0.2.1" } } },
	{ "tc-many.test", T_MX, 0, MANY, { { T_MX, .data = "mx.test", .preference = 10 } } },
	{ "tc-closes.test", T_A, 0, TCP_CLOSES, { { T_A, .data = "192.0.2.1" } } },
	{ "tc-silent.test", T_A, 0, TCP_SILENT, { { T_A, .data = "192.0.2.1" } } },
	{ "tc-oversize.test", T_A, 0, TCP_OVERSIZE, { { T_A, .data = "192.0.2.1" } } },
	{ "tc-forged.test", T_A, 0, TCP_FORGED, { { T_A, .data = "192.0.2.1" } } },

	{ "servfail.test", T_ANY, 2, NO_TRICK, { { 0 } } },
	{ "silent.test", T_ANY, 0, SILENT, { { 0 } } },
	{ "no-edns.test", T_A, 0, NO_EDNS, { { T_A, .data = "192.0.2.1" } } },
	{ "no-edns-notimp.test", T_A, 0, NO_EDNS_NOTIMP, { { T_A, .data = "192.0.2.1" } } },
	{ "formerr.test", T_A, 1, NO_TRICK, { { 0 } } },
	{ "oversize.test", T_A, 0, OVERSIZE, { { T_A, .data = "192.0.2.1" } } },
	{ "cut.test", T_A, 0, CUT_SHORT, { { T_A, .data = "192.0.2.1" } } },
	{ "txt.test", T_A, 0, NO_TRICK, { { T_TXT, .data = "x" }, { T_A, .data = "192.0.2.1" } } },
	{ "a-of-3.test", T_A, 0, NO_TRICK, { { T_A, .raw = S("\300\0\2") } } },
	{ "a-of-5.test", T_A, 0, NO_TRICK, { { T_A, .raw = S("\300\0\2\1\1") } } },
	{ "mx-of-0.test", T_MX, 0, NO_TRICK, { { T_MX, .raw = S("") }, { T_MX, .data = "mx1.test", .preference = 10 } } },
	{ "mx-of-2.test", T_MX, 0, NO_TRICK, { { T_MX, .raw = S("\0\12") } } },
	{ "mx-odd.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "a b.test" }, { T_MX, .data = "x;y.test" },
	    { T_MX, .data = "mx1.test", .preference = 10 } } },
	{ "null-mx.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "" } } },

	{ "alias.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "b.test" }, { T_CNAME, .owner = "B.test", .data = "c.test" },
	    { T_A, .owner = "C.TEST", .data = "192.0.2.1" } } },
	{ "alias-backwards.test", T_A, 0, NO_TRICK, { { T_A, .owner = "c.test", .data = "192.0.2.1" },
	    { T_CNAME, .owner = "b.test", .data = "c.test" }, { T_CNAME, .data = "b.test" } } },
	{ "alias-elsewhere.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "b.test" },
	    { T_A, .owner = "evil.test", .data = "192.0.2.66" } } },
	{ "b.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.1" } } },
	{ "alias-only.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "B.test" } } },
	{ "alias-nodata.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "b.test" }, SOA } },
	{ "alias-dangling.test", T_A, 3, NO_TRICK, { { T_CNAME, .data = "nx.test" }, SOA } },
	{ "alias-dangling-2.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "nx.test" } } },
	{ "alias-odd.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "b c.test" } } },
	{ "loop.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "loop.test" } } },
	{ "loop-1.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "loop-2.test" } } },
	{ "loop-2.test", T_A, 0, NO_TRICK, { { T_CNAME, .data = "loop-1.test" } } },
	{ .name = NULL },
};

static struct fake_server server, second, nobody;

static struct dns_resolver
asking(const struct fake_server *a, const struct fake_server *b, int timeout_ms, int attempts)
{
	struct dns_resolver r = { .nservers = b ? 2 : 1, .timeout_ms = timeout_ms, .attempts = attempts };

	r.servers[0] = a->address;
	r.server_len[0] = a->address_len;
	if (b) {
		r.servers[1] = b->address;
		r.server_len[1] = b->address_len;
	}
	return r;
}

static const struct answer_case {
	const char *name;
	enum dns_type type;
	enum dns_status status;
	size_t n;
	const char *first;	/* address or target of the first record */
	size_t queries;		/* the server saw */
	bool tcp;
	uint32_t ttl_s;
} answer_cases[] = {
	{ "a.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "A.Test.", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "two.test", DNS_A, DNS_OK, 2, "192.0.2.1", 1, false, 300 },
	{ "aaaa.test", DNS_AAAA, DNS_OK, 1, "2001:db8::1", 1, false, 300 },
	{ "mx.test", DNS_MX, DNS_OK, 2, "mx1.test", 1, false, 300 },
	{ "_smtp.a-b.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "upper.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "nodata.test", DNS_A, DNS_NODATA, 0, NULL, 1, false, 44 },
	{ "nodata-bare.test", DNS_A, DNS_NODATA, 0, NULL, 1, false, 0 },
	{ "nx.test", DNS_A, DNS_NXDOMAIN, 0, NULL, 1, false, 44 },
	{ "other-type.test", DNS_A, DNS_NODATA, 0, NULL, 1, false, 0 },
	{ "other-owner.test", DNS_A, DNS_NODATA, 0, NULL, 1, false, 44 },
	{ "referral.test", DNS_A, DNS_SERVFAIL, 0, NULL, 2, false, 0 },
	{ "authoritative.test", DNS_A, DNS_NODATA, 0, NULL, 1, false, 0 },
	{ "forge-id.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-question.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-type.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-query.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-opcode.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-two.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-short.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "forge-all.test", DNS_AAAA, DNS_OK, 1, "2001:db8::1", 1, false, 300 },
	{ "only-forged.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "tc.test", DNS_A, DNS_OK, 1, "192.0.2.1", 2, true, 300 },
	{ "tc-bytewise.test", DNS_A, DNS_OK, 1, "192.0.2.1", 2, true, 300 },
	{ "tc-many.test", DNS_MX, DNS_OK, DNS_RECORDS_MAX, "mx.test", 2, true, 300 },
	{ "tc-closes.test", DNS_A, DNS_TIMEOUT, 0, NULL, 4, false, 0 },
	{ "tc-silent.test", DNS_A, DNS_TIMEOUT, 0, NULL, 4, false, 0 },
	{ "tc-oversize.test", DNS_A, DNS_TIMEOUT, 0, NULL, 4, false, 0 },
	{ "tc-forged.test", DNS_A, DNS_TIMEOUT, 0, NULL, 4, false, 0 },
	{ "servfail.test", DNS_A, DNS_SERVFAIL, 0, NULL, 2, false, 0 },
	{ "refused.test", DNS_A, DNS_SERVFAIL, 0, NULL, 2, false, 0 },
	{ "silent.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "no-edns.test", DNS_A, DNS_OK, 1, "192.0.2.1", 2, false, 300 },
	{ "no-edns-notimp.test", DNS_A, DNS_OK, 1, "192.0.2.1", 2, false, 300 },
	{ "formerr.test", DNS_A, DNS_SERVFAIL, 0, NULL, 4, false, 0 },
	{ "oversize.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "cut.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "txt.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "a-of-3.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "a-of-5.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "mx-of-0.test", DNS_MX, DNS_OK, 1, "mx1.test", 1, false, 300 },
	{ "mx-of-2.test", DNS_MX, DNS_OK, 0, NULL, 1, false, 300 },
	{ "mx-odd.test", DNS_MX, DNS_OK, 1, "mx1.test", 1, false, 300 },
	{ "null-mx.test", DNS_MX, DNS_OK, 1, "", 1, false, 300 },
	{ "alias.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "alias-backwards.test", DNS_A, DNS_OK, 1, "192.0.2.1", 1, false, 300 },
	{ "alias-elsewhere.test", DNS_A, DNS_OK, 1, "192.0.2.1", 2, false, 300 },
	{ "alias-only.test", DNS_A, DNS_OK, 1, "192.0.2.1", 2, false, 300 },
	{ "alias-nodata.test", DNS_A, DNS_NODATA, 0, NULL, 1, false, 44 },
	{ "alias-dangling.test", DNS_A, DNS_NXDOMAIN, 0, NULL, 1, false, 44 },
	{ "alias-dangling-2.test", DNS_A, DNS_NXDOMAIN, 0, NULL, 2, false, 44 },
	{ "alias-odd.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "loop.test", DNS_A, DNS_TIMEOUT, 0, NULL, 2, false, 0 },
	{ "loop-1.test", DNS_A, DNS_SERVFAIL, 0, NULL, 9, false, 300 },
	{ "", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
	{ ".", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
	{ "a..test", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
	{ ".test", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
	{ "a b.test", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
	{ "m\303\274ller.test", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
	{ "a234567890123456789012345678901234567890123456789012345678901234.test", DNS_A, DNS_BAD_NAME, 0, NULL, 0, false, 0 },
};

static bool
first_is(const struct dns_question *q, const char *want)
{
	char space[80];
	struct buf text = BUF(space);

	if (!want)
		return q->nrecords == 0;
	if (q->nrecords == 0 || q->records[0].type != q->type)
		return false;
	if (q->type == DNS_MX)
		return strcmp(q->records[0].target, want) == 0;
	address_text(&text, (const struct sockaddr *)&q->records[0].address);
	return slice_eq(buf_slice(&text), slice_str(want));
}

static void
answer_case(const struct answer_case *c)
{
	struct dns_resolver r = asking(&server, NULL, 50, 2);
	struct dns_question q = { .name = c->name, .type = c->type };
	size_t queries;

	/* What must not time out has all the time it needs on a busy machine. */
	if (c->status != DNS_TIMEOUT)
		r.timeout_ms = 3000;
	dns_ask(&r, &q, 1);
	queries = fake_seen_count(&server);
	if (!ok(q.status == c->status && q.nrecords == c->n && first_is(&q, c->first), "%s: answer", c->name))
		printf("# %s, %zu records\n", dns_status_text(q.status), q.nrecords);
	if (!ok(queries == c->queries && q.via_tcp == c->tcp && q.ttl_s == c->ttl_s, "%s: questions", c->name))
		printf("# %zu questions, tcp %d, ttl %u\n", queries, q.via_tcp, q.ttl_s);
	dns_question_done(&q);
}

static void
what_is_asked(void)
{
	struct dns_resolver r = asking(&server, NULL, 1000, 2);
	struct dns_question q = { .name = "no-edns.test", .type = DNS_A };
	struct fake_seen a, b, c;

	dns_ask(&r, &q, 1);
	dns_question_done(&q);
	q.name = "tc.test";
	ok(fake_next_seen(&server, &a) && fake_next_seen(&server, &b), "two questions");
	ok(a.edns && !b.edns, "with EDNS, then without");
	ok(a.recursion && b.recursion, "recursion desired");
	ok(a.id != b.id || a.port != b.port, "each with its own ID and port");
	dns_ask(&r, &q, 1);
	dns_question_done(&q);
	ok(fake_next_seen(&server, &a) && fake_next_seen(&server, &b) && !a.tcp && b.tcp && a.id == b.id,
	    "the same question over TCP");
	r.attempts = 3;
	r.timeout_ms = 20;
	q.name = "silent.test";
	dns_ask(&r, &q, 1);
	ok(fake_next_seen(&server, &a) && fake_next_seen(&server, &b) && fake_next_seen(&server, &c), "three rounds");
	ok((a.id != b.id || b.id != c.id) && (a.port != b.port || b.port != c.port), "IDs and ports are not used again");
}

static const struct servers_case {
	const char *name;
	struct fake_server *a, *b;
	const char *question;
	enum dns_status status;
	size_t server;
	int timeout_ms, most_ms;
} servers_cases[] = {
	{ "first_answers", &server, &second, "a.test", DNS_OK, 0, 2000, 2000 },
	{ "second_after_refused_port", &nobody, &server, "a.test", DNS_OK, 1, 20000, 5000 },
	{ "second_after_timeout", &server, &second, "silent.test", DNS_OK, 1, 100, 5000 },
	{ "second_after_servfail", &server, &second, "servfail.test", DNS_OK, 1, 20000, 5000 },
	{ "second_after_refused", &second, &server, "a.test", DNS_OK, 1, 20000, 5000 },
	{ "second_after_garbage", &server, &second, "cut.test", DNS_OK, 1, 20000, 5000 },
	{ "second_after_dead_tcp", &server, &second, "tc-closes.test", DNS_OK, 1, 20000, 5000 },
	{ "nxdomain_is_an_answer", &server, &second, "nx.test", DNS_NXDOMAIN, 0, 20000, 5000 },
	{ "servfail_beats_timeout", &server, &nobody, "servfail.test", DNS_SERVFAIL, 0, 20000, 5000 },
	{ "nobody_at_all", &nobody, &nobody, "a.test", DNS_TIMEOUT, DNS_SERVERS_MAX, 20000, 5000 },
};

static void
servers_case(const struct servers_case *c)
{
	struct dns_resolver r = asking(c->a, c->b, c->timeout_ms, 2);
	struct dns_question q = { .name = c->question, .type = DNS_A };
	int64_t before = clock_ms();

	dns_ask(&r, &q, 1);
	ok(q.status == c->status && q.server == c->server, "%s: %s from server %zu", c->name, dns_status_text(q.status),
	    q.server);
	ok(clock_ms() - before < c->most_ms, "%s: in time", c->name);
	dns_question_done(&q);
}

/* Ten at once, more than fit; a silent one among them costs the others nothing, and two timeouts are waited for together. */
static void
many_at_once(void)
{
	static const char *const names[10] = { "silent.test", "a.test", "silent.test", "nx.test", "tc.test", "alias.test",
		"two.test", "servfail.test", "b.test", "no-edns.test" };
	static const enum dns_status want[10] = { DNS_TIMEOUT, DNS_OK, DNS_TIMEOUT, DNS_NXDOMAIN, DNS_OK, DNS_OK, DNS_OK,
		DNS_SERVFAIL, DNS_OK, DNS_OK };
	struct dns_resolver r = asking(&server, NULL, 1000, 1);
	struct dns_question q[10];
	int64_t before = clock_ms();
	bool same = true;

	for (int i = 0; i < 10; i++)
		q[i] = (struct dns_question){ .name = names[i], .type = DNS_A };
	dns_ask(&r, q, 10);
	ok(clock_ms() - before < 1900, "many_at_once: timeouts run side by side");
	for (int i = 0; i < 10; i++) {
		same = same && q[i].status == want[i];
		dns_question_done(&q[i]);
	}
	ok(same, "many_at_once: each its own answer");
}

int
main(void)
{
	static const struct fake_answer everything[] = {
		{ "silent.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.2" } } },
		{ "servfail.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.2" } } },
		{ "cut.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.2" } } },
		{ "tc-closes.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.2" } } },
		{ .name = NULL },
	};

	(void)alarm(60);
	fake_start(&server, zone);
	fake_start(&second, everything);
	fake_nobody(&nobody);
	for (size_t i = 0; i < sizeof answer_cases / sizeof answer_cases[0]; i++)
		answer_case(&answer_cases[i]);
	what_is_asked();
	for (size_t i = 0; i < sizeof servers_cases / sizeof servers_cases[0]; i++)
		servers_case(&servers_cases[i]);
	many_at_once();
	fake_stop(&server);
	fake_stop(&second);
	fake_stop(&nobody);
	return tap_done();
}
