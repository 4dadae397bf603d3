// SPDX-License-Identifier: ISC
/* dns/resolver against servers that answer, forge, truncate, refuse and stay silent. */
#include "dns/resolver.h"

#include <stdio.h>

#include "base/clock.h"
#include "dns/cache.h"
#include "dns/servers.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/tap.h"

#define SOA { .type = T_SOA, .owner = "test", .data = "ns.test", .authority = true }

static const struct fake_answer zone[] = {
	{ .name = "a.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "two.test", .type = T_A,
	    .rr = { { T_A, .data = "192.0.2.1" }, { T_A, .data = "192.0.2.2" } } },
	{ .name = "aaaa.test", .type = T_AAAA, .rr = { { T_AAAA, .data = "2001:db8::1" } } },
	{ .name = "mx.test", .type = T_MX,
	    .rr = { { T_MX, .data = "MX1.Test", .preference = 10 },
		{ T_MX, .data = "mx2.test", .preference = 20 } } },
	{ .name = "_smtp.a-b.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "upper.test", .type = T_A, .trick = UPPER_CASE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "nodata.test", .type = T_ANY, .rr = { SOA } },
	{ .name = "nodata-bare.test", .type = T_ANY },
	{ .name = "nx.test", .type = T_ANY, .rcode = 3, .rr = { SOA } },
	{ .name = "other-type.test", .type = T_ANY, .rr = { { T_NS, .data = "ns.test" } } },
	{ .name = "other-owner.test", .type = T_ANY,
	    .rr = { { T_A, .owner = "a.test", .data = "192.0.2.66" }, SOA } },
	{ .name = "referral.test", .type = T_ANY, .trick = NON_RECURSIVE,
	    .rr = { { T_NS, .owner = "test", .data = "ns.test", .authority = true } } },
	{ .name = "authoritative.test", .type = T_ANY, .trick = AUTHORITATIVE,
	    .rr = { { T_NS, .owner = "test", .data = "ns.test", .authority = true } } },
	{ .name = "forge-id.test", .type = T_A, .trick = FORGE_ID,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-question.test", .type = T_A, .trick = FORGE_QUESTION,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-type.test", .type = T_A, .trick = FORGE_TYPE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-query.test", .type = T_A, .trick = FORGE_QUERY,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-opcode.test", .type = T_A, .trick = FORGE_OPCODE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-two.test", .type = T_A, .trick = FORGE_TWO_QUESTIONS,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-short.test", .type = T_A, .trick = FORGE_SHORT,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "forge-all.test", .type = T_AAAA, .trick = FORGE_ALL,
	    .rr = { { T_AAAA, .data = "2001:db8::1" } } },
	{ .name = "only-forged.test", .type = T_A, .trick = ONLY_FORGED },
	{ .name = "tc.test", .type = T_A, .trick = TRUNCATE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "tc-bytewise.test", .type = T_A, .trick = TRUNCATE_BYTEWISE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "tc-many.test", .type = T_MX, .trick = MANY,
	    .rr = { { T_MX, .data = "mx.test", .preference = 10 } } },
	{ .name = "tc-texts.test", .type = T_TXT, .trick = MANY,
	    .rr = { { T_TXT, .data = "v=spf1 -all" } } },
	{ .name = "tc-closes.test", .type = T_A, .trick = TCP_CLOSES,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "tc-silent.test", .type = T_A, .trick = TCP_SILENT,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "tc-oversize.test", .type = T_A, .trick = TCP_OVERSIZE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "tc-forged.test", .type = T_A, .trick = TCP_FORGED,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "servfail.test", .type = T_ANY, .rcode = 2 },
	{ .name = "silent.test", .type = T_ANY, .trick = SILENT },
	{ .name = "no-edns.test", .type = T_A, .trick = NO_EDNS,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "no-edns-notimp.test", .type = T_A, .trick = NO_EDNS_NOTIMP,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "bare-formerr.test", .type = T_A, .trick = BARE_FORMERR,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "bare-notimp.test", .type = T_A, .trick = BARE_NOTIMP_COUNTED,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "bare-servfail.test", .type = T_A, .trick = BARE_SERVFAIL,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "edns-servfail.test", .type = T_A, .trick = EDNS_SERVFAIL,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "edns-refused.test", .type = T_A, .trick = EDNS_REFUSED,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "edns-silent.test", .type = T_A, .trick = EDNS_SILENT,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "edns-badvers.test", .type = T_A, .trick = EDNS_BADVERS,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "bare-always.test", .type = T_A, .trick = BARE_ALWAYS,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "lost.test", .type = T_A, .trick = LOSE_FIRST,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "late.test", .type = T_A, .trick = ANSWER_FIRST,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "badvers.test", .type = T_A,
	    .rr = { { T_OPT, .owner = "", .raw = S(""), .ttl = 0x01000000, .additional = true } } },
	{ .name = "badcookie.test", .type = T_A, .rcode = 7,
	    .rr = { { T_OPT, .owner = "", .raw = S(""), .ttl = 0x01000000, .additional = true } } },
	{ .name = "badmode.test", .type = T_A, .rcode = 3,
	    .rr = { { T_OPT, .owner = "", .raw = S(""), .ttl = 0x01000000, .additional = true } } },
	{ .name = "opt.test", .type = T_A,
	    .rr = { { T_A, .data = "192.0.2.1" },
		{ T_OPT, .owner = "", .raw = S(""), .additional = true } } },
	{ .name = "opt-only.test", .type = T_A,
	    .rr = { { T_OPT, .owner = "", .raw = S(""), .additional = true } } },
	{ .name = "svcb.test", .type = T_A,
	    .rr = { { T_SVCB, .raw = S("\0\1\0\0\1\0\3\2h2") }, { T_HTTPS, .raw = S("") },
		{ 65535, .raw = S("\0") }, { T_A, .data = "192.0.2.1" } } },
	{ .name = "txt-mx.test", .type = T_MX,
	    .rr = { { T_MX, .data = "mx1.test", .preference = 10 }, { T_TXT, .data = "" },
		{ T_TXT, .raw = S("\377") } } },
	{ .name = "txt-only.test", .type = T_A, .rr = { { T_TXT, .data = "x" } } },
	{ .name = "texts.test", .type = T_TXT,
	    .rr = { { T_TXT, .raw = S("\3v=s\0\3pf1") }, { T_TXT, .raw = S("\1\377") },
		{ T_TXT, .raw = S("\377x") }, { T_TXT, .raw = S("") } } },
	{ .name = "ptr.test", .type = 12, .rr = { { 12, .data = "host.test" } } },
	{ .name = "formerr.test", .type = T_A, .rcode = 1 },
	{ .name = "oversize.test", .type = T_A, .trick = OVERSIZE,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "cut.test", .type = T_A, .trick = CUT_SHORT,
	    .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "txt.test", .type = T_A,
	    .rr = { { T_TXT, .data = "x" }, { T_A, .data = "192.0.2.1" } } },
	{ .name = "a-of-3.test", .type = T_A, .rr = { { T_A, .raw = S("\300\0\2") } } },
	{ .name = "a-of-5.test", .type = T_A, .rr = { { T_A, .raw = S("\300\0\2\1\1") } } },
	{ .name = "mx-of-0.test", .type = T_MX,
	    .rr = { { T_MX, .raw = S("") }, { T_MX, .data = "mx1.test", .preference = 10 } } },
	{ .name = "mx-of-2.test", .type = T_MX, .rr = { { T_MX, .raw = S("\0\12") } } },
	{ .name = "mx-odd.test", .type = T_MX,
	    .rr = { { T_MX, .data = "a b.test" }, { T_MX, .data = "x;y.test" },
		{ T_MX, .data = "mx1.test", .preference = 10 } } },
	{ .name = "null-mx.test", .type = T_MX, .rr = { { T_MX, .data = "" } } },
	{ .name = "alias.test", .type = T_A,
	    .rr = { { T_CNAME, .data = "b.test" }, { T_CNAME, .owner = "B.test", .data = "c.test" },
		{ T_A, .owner = "C.TEST", .data = "192.0.2.1" } } },
	{ .name = "alias-backwards.test", .type = T_A,
	    .rr = { { T_A, .owner = "c.test", .data = "192.0.2.1" },
		{ T_CNAME, .owner = "b.test", .data = "c.test" }, { T_CNAME, .data = "b.test" } } },
	{ .name = "alias-elsewhere.test", .type = T_A,
	    .rr = { { T_CNAME, .data = "b.test" },
		{ T_A, .owner = "evil.test", .data = "192.0.2.66" } } },
	{ .name = "b.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.1" } } },
	{ .name = "alias-only.test", .type = T_A, .rr = { { T_CNAME, .data = "B.test" } } },
	{ .name = "alias-nodata.test", .type = T_A, .rr = { { T_CNAME, .data = "b.test" }, SOA } },
	{ .name = "alias-dangling.test", .type = T_A, .rcode = 3,
	    .rr = { { T_CNAME, .data = "nx.test" }, SOA } },
	{ .name = "alias-dangling-2.test", .type = T_A, .rr = { { T_CNAME, .data = "nx.test" } } },
	{ .name = "alias-odd.test", .type = T_A, .rr = { { T_CNAME, .data = "b c.test" } } },
	{ .name = "loop.test", .type = T_A, .rr = { { T_CNAME, .data = "loop.test" } } },
	{ .name = "loop-1.test", .type = T_A, .rr = { { T_CNAME, .data = "loop-2.test" } } },
	{ .name = "loop-2.test", .type = T_A, .rr = { { T_CNAME, .data = "loop-1.test" } } },
	{ .name = NULL },
};

static struct fake_server server, second, nobody;

static struct dns_resolver
asking(const struct fake_server *a, const struct fake_server *b, int timeout_ms, int attempts)
{
	struct dns_resolver r = {
		.nservers = b ? 2 : 1, .timeout_ms = timeout_ms, .attempts = attempts
	};

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
	size_t queries;		/* queries that the server received */
	bool tcp;
	uint32_t ttl_s;
} answer_cases[] = {
	{ .name = "a.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "A.Test.", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "two.test", .type = DNS_A, .status = DNS_OK, .n = 2, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "aaaa.test", .type = DNS_AAAA, .status = DNS_OK, .n = 1, .first = "2001:db8::1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "mx.test", .type = DNS_MX, .status = DNS_OK, .n = 2, .first = "mx1.test",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "_smtp.a-b.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "upper.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "nodata.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1,
	    .ttl_s = 44 },
	{ .name = "nodata-bare.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 1 },
	{ .name = "nx.test", .type = DNS_A, .status = DNS_NXDOMAIN, .n = 0, .queries = 1,
	    .ttl_s = 44 },
	{ .name = "other-type.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1 },
	{ .name = "other-owner.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1,
	    .ttl_s = 44 },
	{ .name = "referral.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 2 },
	{ .name = "authoritative.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1 },
	{ .name = "forge-id.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "forge-question.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1", .queries = 1, .ttl_s = 300 },
	{ .name = "forge-type.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "forge-query.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "forge-opcode.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1", .queries = 1, .ttl_s = 300 },
	{ .name = "forge-two.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "forge-short.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "forge-all.test", .type = DNS_AAAA, .status = DNS_OK, .n = 1,
	    .first = "2001:db8::1", .queries = 1, .ttl_s = 300 },
	{ .name = "only-forged.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "tc.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .tcp = true, .ttl_s = 300 },
	{ .name = "tc-bytewise.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .tcp = true, .ttl_s = 300 },
	{ .name = "tc-many.test", .type = DNS_MX, .status = DNS_OK, .n = DNS_RECORDS_MAX,
	    .first = "mx.test", .queries = 2, .tcp = true, .ttl_s = 300 },
	{ .name = "tc-texts.test", .type = DNS_TXT, .status = DNS_OK, .n = 400,
	    .first = "v=spf1 -all", .queries = 2, .tcp = true, .ttl_s = 300 },
	{ .name = "tc-closes.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 4 },
	{ .name = "tc-silent.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 4 },
	{ .name = "tc-oversize.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 4 },
	{ .name = "tc-forged.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 4 },
	{ .name = "servfail.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "refused.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "silent.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "no-edns.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "no-edns-notimp.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1", .queries = 2, .ttl_s = 300 },
	{ .name = "formerr.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "oversize.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .tcp = true, .ttl_s = 300 },
	{ .name = "cut.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "txt.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "svcb.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "txt-mx.test", .type = DNS_MX, .status = DNS_OK, .n = 1, .first = "mx1.test",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "txt-only.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1 },
	{ .name = "bare-formerr.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "bare-notimp.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "bare-servfail.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "edns-servfail.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "edns-refused.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "edns-silent.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "edns-badvers.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "lost.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "late.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "bare-always.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "badvers.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "badcookie.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "badmode.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 4 },
	{ .name = "opt.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "opt-only.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1 },
	{ .name = "a-of-3.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "a-of-5.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "mx-of-0.test", .type = DNS_MX, .status = DNS_OK, .n = 1, .first = "mx1.test",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "mx-of-2.test", .type = DNS_MX, .status = DNS_OK, .n = 0, .queries = 1,
	    .ttl_s = 300 },
	{ .name = "mx-odd.test", .type = DNS_MX, .status = DNS_OK, .n = 1, .first = "mx1.test",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "null-mx.test", .type = DNS_MX, .status = DNS_OK, .n = 1, .first = "",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "alias.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 1, .ttl_s = 300 },
	{ .name = "alias-backwards.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1", .queries = 1, .ttl_s = 300 },
	{ .name = "alias-elsewhere.test", .type = DNS_A, .status = DNS_OK, .n = 1,
	    .first = "192.0.2.1", .queries = 2, .ttl_s = 300 },
	{ .name = "alias-only.test", .type = DNS_A, .status = DNS_OK, .n = 1, .first = "192.0.2.1",
	    .queries = 2, .ttl_s = 300 },
	{ .name = "alias-nodata.test", .type = DNS_A, .status = DNS_NODATA, .n = 0, .queries = 1,
	    .ttl_s = 44 },
	{ .name = "alias-dangling.test", .type = DNS_A, .status = DNS_NXDOMAIN, .n = 0,
	    .queries = 1, .ttl_s = 44 },
	{ .name = "alias-dangling-2.test", .type = DNS_A, .status = DNS_NXDOMAIN, .n = 0,
	    .queries = 2, .ttl_s = 44 },
	{ .name = "alias-odd.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "loop.test", .type = DNS_A, .status = DNS_TIMEOUT, .n = 0, .queries = 2 },
	{ .name = "loop-1.test", .type = DNS_A, .status = DNS_SERVFAIL, .n = 0, .queries = 9,
	    .ttl_s = 300 },
	{ .name = "", .type = DNS_A, .status = DNS_BAD_NAME, .n = 0, .queries = 0 },
	{ .name = ".", .type = DNS_A, .status = DNS_BAD_NAME, .n = 0, .queries = 0 },
	{ .name = "a..test", .type = DNS_A, .status = DNS_BAD_NAME, .n = 0, .queries = 0 },
	{ .name = ".test", .type = DNS_A, .status = DNS_BAD_NAME, .n = 0, .queries = 0 },
	{ .name = "a b.test", .type = DNS_A, .status = DNS_BAD_NAME, .n = 0, .queries = 0 },
	{ .name = "m\303\274ller.test", .type = DNS_A, .status = DNS_BAD_NAME, .n = 0,
	    .queries = 0 },
	{ .name = "a234567890123456789012345678901234567890123456789012345678901234.test",
	    .type = DNS_A, .status = DNS_BAD_NAME, .n = 0, .queries = 0 },
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
	if (q->type == DNS_TXT)
		return strcmp(q->records[0].text, want) == 0;
	address_text(&text, (const struct sockaddr *)&q->records[0].address);
	return slice_eq(buf_slice(&text), slice_str(want));
}

static void
answer_case(const struct answer_case *c)
{
	struct dns_resolver r = asking(&server, NULL, 50, 2);
	struct dns_question q = { .name = c->name, .type = c->type };
	size_t queries;

	/* Only rows that expect a timeout have a short one: the machine may be busy. */
	if (c->status != DNS_TIMEOUT)
		r.timeout_ms = 3000;
	dns_ask(&r, &q, 1);
	queries = fake_seen_count(&server);
	if (!ok(q.status == c->status && q.nrecords == c->n && first_is(&q, c->first), "%s: answer",
		c->name))
		printf("# %s, %zu records\n", dns_status_text(q.status), q.nrecords);
	if (!ok(queries == c->queries && q.via_tcp == c->tcp && q.ttl_s == c->ttl_s,
		"%s: questions", c->name))
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
	ok(a.edns && !b.edns, "the second question is without EDNS");
	ok(a.recursion && b.recursion, "both ask for recursion");
	ok(a.id != b.id || a.port != b.port, "each has its own ID and port");
	dns_ask(&r, &q, 1);
	dns_question_done(&q);
	ok(fake_next_seen(&server, &a) && fake_next_seen(&server, &b) && !a.tcp && b.tcp &&
		a.id == b.id,
	    "TCP has the same question");
	r.attempts = 3;
	r.timeout_ms = 20;
	q.name = "silent.test";
	dns_ask(&r, &q, 1);
	ok(fake_next_seen(&server, &a) && fake_next_seen(&server, &b) &&
		fake_next_seen(&server, &c),
	    "three rounds");
	ok((a.id != b.id || b.id != c.id) && (a.port != b.port || b.port != c.port),
	    "IDs and ports are not used again");
}

static const struct servers_case {
	const char *name;
	struct fake_server *a, *b;
	const char *question;
	enum dns_status status;
	size_t server;
	int timeout_ms, most_ms;
} servers_cases[] = {
	{ .name = "first_answers", .a = &server, .b = &second, .question = "a.test",
	    .status = DNS_OK, .server = 0, .timeout_ms = 2000, .most_ms = 2000 },
	{ .name = "second_after_refused_port", .a = &nobody, .b = &server, .question = "a.test",
	    .status = DNS_OK, .server = 1, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "second_after_timeout", .a = &server, .b = &second, .question = "silent.test",
	    .status = DNS_OK, .server = 1, .timeout_ms = 100, .most_ms = 5000 },
	{ .name = "second_after_servfail", .a = &server, .b = &second, .question = "servfail.test",
	    .status = DNS_OK, .server = 1, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "second_after_refused", .a = &second, .b = &server, .question = "a.test",
	    .status = DNS_OK, .server = 1, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "second_after_garbage", .a = &server, .b = &second, .question = "cut.test",
	    .status = DNS_OK, .server = 1, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "second_after_dead_tcp", .a = &server, .b = &second, .question = "tc-closes.test",
	    .status = DNS_OK, .server = 1, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "nxdomain_is_an_answer", .a = &server, .b = &second, .question = "nx.test",
	    .status = DNS_NXDOMAIN, .server = 0, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "servfail_beats_timeout", .a = &server, .b = &nobody, .question = "servfail.test",
	    .status = DNS_SERVFAIL, .server = 0, .timeout_ms = 20000, .most_ms = 5000 },
	{ .name = "nobody_at_all", .a = &nobody, .b = &nobody, .question = "a.test",
	    .status = DNS_TIMEOUT, .server = DNS_SERVERS_MAX, .timeout_ms = 20000,
	    .most_ms = 5000 },
};

static void
servers_case(const struct servers_case *c)
{
	struct dns_resolver r = asking(c->a, c->b, c->timeout_ms, 2);
	struct dns_question q = { .name = c->question, .type = DNS_A };
	int64_t before = clock_ms();

	dns_ask(&r, &q, 1);
	ok(q.status == c->status && q.server == c->server, "%s: %s from server %zu", c->name,
	    dns_status_text(q.status), q.server);
	ok(clock_ms() - before < c->most_ms, "%s: in time", c->name);
	dns_question_done(&q);
}

/*
 * Ten questions at once, more than are asked at a time.  A silent server costs the others no time,
 * and two timeouts run side by side.
 */
static void
many_at_once(void)
{
	static const char *const names[10] = { "silent.test", "a.test", "silent.test", "nx.test",
		"tc.test", "alias.test", "two.test", "servfail.test", "b.test", "no-edns.test" };
	static const enum dns_status want[10] = { DNS_TIMEOUT, DNS_OK, DNS_TIMEOUT, DNS_NXDOMAIN,
		DNS_OK, DNS_OK, DNS_OK, DNS_SERVFAIL, DNS_OK, DNS_OK };
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
	ok(same, "many_at_once: each has its own answer");
}

/* A server that never replies is asked at growing distances, within the configured time. */
static void
asked_again(void)
{
	struct dns_resolver r = asking(&server, NULL, 2000, 1);
	struct dns_question q = { .name = "silent.test", .type = DNS_A };
	struct fake_seen seen[8];
	size_t n = 0;
	int64_t before = clock_ms(), took;
	bool differ = true;

	(void)fake_seen_count(&server);
	dns_ask(&r, &q, 1);
	took = clock_ms() - before;
	while (n < 8 && fake_next_seen(&server, &seen[n]))
		n++;
	/* At 0, 500 and 1,500 ms. */
	ok(q.status == DNS_TIMEOUT && n == 3, "a silent server is asked three times in 2 s: %zu",
	    n);
	ok(took >= 1990 && took < 3500, "the configured time bounds the whole: %d ms", (int)took);
	for (size_t i = 1; i < n; i++)
		differ = differ && seen[i].id != seen[i - 1].id && seen[i].port != seen[i - 1].port;
	ok(differ, "each question has its own ID and port");
	ok(n == 3 && seen[0].edns && !seen[1].edns && seen[2].edns,
	    "it is asked with EDNS and without it in turn");
}

/* The estimate of a round trip: quick servers are asked again sooner, slow ones later. */
static void
usual_times(void)
{
	struct servers s;
	struct sockaddr_storage odd = { .ss_family = AF_INET };

	servers_init(&s);
	ok(servers_wait_ms(&s, &server.address) == 500 && servers_wait_ms(NULL, &odd) == 500,
	    "an unknown server: 500 ms");
	for (int i = 0; i < 50; i++)
		servers_learn(&s, &server.address, 1, false);
	ok(servers_wait_ms(&s, &server.address) == 200, "a quick one: 200 ms");
	for (int i = 0; i < 50; i++)
		servers_learn(&s, &second.address, 400, false);
	ok(servers_wait_ms(&s, &second.address) >= 400 &&
		servers_wait_ms(&s, &second.address) < 500, "a steady one: what it takes, %d ms",
	    servers_wait_ms(&s, &second.address));
	for (int i = 0; i < 50; i++)
		servers_learn(&s, &second.address, INT32_MAX, false);
	ok(servers_wait_ms(&s, &second.address) == 1500, "a slow one: 1.5 s");
	servers_learn(&s, &second.address, INT32_MIN, true);
	ok(servers_wait_ms(&s, &second.address) == 1500 && servers_plain(&s, &second.address) &&
		!servers_plain(&s, &server.address), "an unmeasured reply changes no time");
	for (unsigned i = 0; i < DNS_SERVERS_MAX; i++) {
		odd.__ss_align = i + 1;
		servers_learn(&s, &odd, 1, false);
	}
	ok(servers_wait_ms(&s, &server.address) == 500, "the oldest server makes room");
	servers_done(&s);
}

/* The wait of the hundredth question behind 32 that leave at once; negative: one of those waits. */
static int
hundredth(struct servers *s)
{
	const struct servers had = *s;
	int wait = 0;

	servers_done(s);
	servers_init(s);		/* no process has asked yet */
	memcpy(s->list, had.list, sizeof s->list);
	s->careful_until_ms = had.careful_until_ms;
	for (int i = 0; i < 32; i++)
		wait += servers_turn_ms(s, &server.address);
	if (wait)
		return -wait;
	for (int i = 0; i < 100; i++)
		wait = servers_turn_ms(s, &server.address);
	return wait;
}

/* Questions take turns.  A server that replies in 8 ms gets 8 questions a millisecond. */
static void
turns(void)
{
	struct servers s;
	int wait;

	servers_init(&s);
	wait = hundredth(&s);
	ok(wait > 50 && wait <= 100, "an unknown server: one a millisecond, %d ms", wait);
	servers_learn(&s, &server.address, 1, false);
	wait = hundredth(&s);
	ok(wait > 0 && wait <= 13, "a quick one: eight a millisecond, %d ms", wait);
	for (int i = 0; i < 50; i++)
		servers_learn(&s, &server.address, 32, false);
	wait = hundredth(&s);
	ok(wait > 25 && wait <= 50, "one that takes 32 ms: two a millisecond, %d ms", wait);
	for (int i = 0; i < 50; i++)
		servers_learn(&s, &server.address, 400, false);
	wait = hundredth(&s);
	ok(wait > 50 && wait <= 100, "a slow one: one a millisecond, %d ms", wait);
	for (int i = 0; i < 50; i++)
		servers_learn(&s, &server.address, 1, false);
	servers_lost(&s);
	wait = hundredth(&s);
	ok(wait > 50 && wait <= 100, "after a question without reply: one a millisecond, %d ms",
	    wait);
	servers_done(&s);
}

/* A run remembers a server without EDNS for its next questions. */
static void
without_edns(void)
{
	struct dns_resolver r = asking(&server, NULL, 3000, 2);
	struct dns_question q = { .name = "edns-silent.test", .type = DNS_A };
	struct fake_seen seen;

	r.cache = dns_cache_new();
	dns_ask(&r, &q, 1);
	ok(q.status == DNS_OK && q.plain && fake_seen_count(&server) == 2,
	    "a server that is silent to EDNS is asked without it");
	dns_question_done(&q);
	q = (struct dns_question){ .name = "two.test", .type = DNS_A };
	dns_ask(&r, &q, 1);
	ok(q.status == DNS_OK && !q.plain && fake_next_seen(&server, &seen) && !seen.edns,
	    "the next question is without it at once");
	dns_question_done(&q);
	dns_cache_free(r.cache);
}

static void
only_tcp(void)
{
	struct dns_resolver r = asking(&server, NULL, 3000, 2);
	struct dns_question q = { .name = "a.test", .type = DNS_A };

	r.use_tcp = true;
	dns_ask(&r, &q, 1);
	ok(q.status == DNS_OK && q.via_tcp && fake_seen_count(&server) == 1,
	    "use-vc: the first question is over TCP");
	dns_question_done(&q);
}

static void
too_large(void)
{
	const struct dns_resolver r = asking(&server, NULL, 3000, 2);
	struct dns_question q = { .name = "tc-oversize.test", .type = DNS_A };

	dns_ask(&r, &q, 1);
	is(slice_str(dns_question_text(&q)), SL("an answer above 16 KiB"),
	    "an answer that is too large, by TCP, too");
	ok(fake_seen_count(&server) == 4, "each server is asked, as another may cut it");
	dns_question_done(&q);
}

static void
texts_and_batches(void)
{
	const struct dns_resolver r = asking(&server, NULL, 200, 1);
	struct dns_question q[DNS_BATCH_MAX + 1] = {
		{ .name = "texts.test", .type = DNS_TXT },
		{ .name = "ptr.test", .type = DNS_PTR },
	};
	struct dns_batch *b = dns_batch_new(&r);
	size_t n = 0;

	dns_ask(&r, q, 2);
	ok(q[0].nrecords == 2 && strlen(q[0].records[0].text) == 6 &&
	    memcmp(q[0].records[0].text, "v=spf1", 6) == 0 && strlen(q[0].records[1].text) == 1,
	    "strings of a text are joined, and damaged texts are left out");
	ok(q[1].nrecords == 1 && strcmp(q[1].records[0].target, "host.test") == 0, "a PTR record");
	dns_question_done(&q[0]);
	dns_question_done(&q[1]);
	for (size_t i = 0; i <= DNS_BATCH_MAX; i++) {
		q[i] = (struct dns_question){ .type = DNS_A,
			.name = i == 0 ? "silent.test" : "txt.test" };
		n += dns_batch_add(b, &q[i]);
	}
	ok(n == DNS_BATCH_MAX, "a batch takes %d questions", DNS_BATCH_MAX);
	for (n = 0; n < DNS_BATCH_MAX - 1; n++) {
		struct dns_question *answered = dns_batch_next(b, clock_ms() + 5000);

		if (!answered || answered == &q[0] || answered->status != DNS_OK)
			break;
		dns_question_done(answered);
	}
	ok(n == DNS_BATCH_MAX - 1, "one silent name does not hold up the others");
	ok(!dns_batch_next(b, clock_ms() + 20), "a batch waits until the given time");
	ok(dns_batch_next(b, clock_ms() + 5000) == &q[0] && q[0].status == DNS_TIMEOUT,
	    "a question ends by its own time limit");
	ok(!dns_batch_next(b, clock_ms() + 5000), "nothing is open any more");
	(void)dns_batch_add(b, &q[0]);
	dns_batch_free(b);
}

int
main(void)
{
	static const struct fake_answer everything[] = {
		{ .name = "silent.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.2" } } },
		{ .name = "servfail.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.2" } } },
		{ .name = "cut.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.2" } } },
		{ .name = "tc-closes.test", .type = T_A, .rr = { { T_A, .data = "192.0.2.2" } } },
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
	asked_again();
	usual_times();
	turns();
	without_edns();
	only_tcp();
	too_large();
	texts_and_batches();
	fake_stop(&server);
	fake_stop(&second);
	fake_stop(&nobody);
	return tap_done();
}
