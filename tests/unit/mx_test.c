// SPDX-License-Identifier: ISC
/* dns/mx: the exchangers of a domain, their order, and the reason if there are none. */
#include "dns/named.h"

#include "base/clock.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/tap.h"

#define SOA { .type = T_SOA, .owner = "test", .data = "ns.test", .authority = true }
#define A(name, address) { name, T_A, 0, NO_TRICK, { { T_A, .data = address } } }
#define NO(name, kind) { name, kind, 0, NO_TRICK, { SOA } }

static const struct fake_answer zone[] = {
	{ .name = "three.test", .type = T_MX,
	    .rr = { { T_MX, .data = "c.test", .preference = 30 },
		{ T_MX, .data = "a.test", .preference = 10 },
		{ T_MX, .data = "b.test", .preference = 20 } } },
	A("a.test", "192.0.2.1"),
	{ .name = "a.test", .type = T_AAAA,
	    .rr = { { T_AAAA, .data = "2001:db8::1" }, { T_AAAA, .data = "2001:db8::11" } } },
	A("b.test", "192.0.2.2"),
	/* Priority, weight, port, target. */
	{ .name = "_smtp._tcp.srv.test", .type = T_SRV,
	    .rr = { { T_SRV, .raw = S("\0\24\0\1\11\305\1a\4test\0") },
		{ T_SRV, .raw = S("\0\12\0\3\11\304\1b\4test\0") },
		{ T_SRV, .raw = S("\0\12\0\1\0\0\1a\4test\0") } } },
	{ .name = "_smtp._tcp.none.test", .type = T_SRV,
	    .rr = { { T_SRV, .raw = S("\0\0\0\0\0\0\0") } } },
	{ .name = "_smtp._tcp.short.test", .type = T_SRV,
	    .rr = { { T_SRV, .raw = S("\0\0\0\0\0") } } },
	{ .name = "_smtp._tcp.servfail.test", .type = T_ANY, .rcode = 2 },
	NO("b.test", T_AAAA),
	{ .name = "c.test", .type = T_AAAA, .rr = { { T_AAAA, .data = "2001:db8::3" } } },
	NO("c.test", T_A),
	{ .name = "twice.test", .type = T_MX,
	    .rr = { { T_MX, .data = "b.test", .preference = 30 },
		{ T_MX, .data = "B.TEST", .preference = 10 } } },
	{ .name = "ties.test", .type = T_MX,
	    .rr = { { T_MX, .data = "a.test", .preference = 10 },
		{ T_MX, .data = "b.test", .preference = 10 } } },
	{ .name = "alias.test", .type = T_MX,
	    .rr = { { T_CNAME, .data = "real.test" },
		{ T_MX, .owner = "real.test", .data = "b.test", .preference = 10 } } },
	NO("address.test", T_MX),
	A("address.test", "192.0.2.7"),
	NO("address.test", T_AAAA),
	{ .name = "null.test", .type = T_MX, .rr = { { T_MX, .data = "" } } },
	{ .name = "not-only-null.test", .type = T_MX,
	    .rr = { { T_MX, .data = "" }, { T_MX, .data = "b.test", .preference = 10 } } },
	{ .name = "twice-null.test", .type = T_MX,
	    .rr = { { T_MX, .data = "" }, { T_MX, .data = "", .preference = 1 } } },
	{ .name = "nx.test", .type = T_ANY, .rcode = 3, .rr = { SOA } },
	{ .name = "a.nx.test", .type = T_ANY, .rcode = 3, .rr = { SOA } },
	{ .name = "a.test.nx.test", .type = T_ANY, .rcode = 3, .rr = { SOA } },
	{ .name = "servfail.test", .type = T_ANY, .rcode = 2 },
	{ .name = "silent.test", .type = T_ANY, .trick = SILENT },
	NO("nothing.test", T_ANY),
	{ .name = "mx-nx.test", .type = T_MX,
	    .rr = { { T_MX, .data = "nx.test", .preference = 10 } } },
	A("mx-nx.test", "192.0.2.66"),
	{ .name = "mx-odd.test", .type = T_MX,
	    .rr = { { T_MX, .data = "a b.test", .preference = 10 } } },
	A("mx-odd.test", "192.0.2.66"),
	{ .name = "mx-of-0.test", .type = T_MX, .rr = { { T_MX, .raw = S("") } } },
	A("mx-of-0.test", "192.0.2.66"),
	{ .name = "mx-servfail.test", .type = T_MX,
	    .rr = { { T_MX, .data = "nx.test", .preference = 10 },
		{ T_MX, .data = "servfail.test", .preference = 20 } } },
	A("mx-servfail.test", "192.0.2.66"),
	{ .name = "one-servfail.test", .type = T_MX,
	    .rr = { { T_MX, .data = "servfail.test", .preference = 10 },
		{ T_MX, .data = "b.test", .preference = 20 } } },
	{ .name = "mx-ip.test", .type = T_MX,
	    .rr = { { T_MX, .data = "192.0.2.1", .preference = 10 } } },
	{ .name = "192.0.2.1", .type = T_ANY, .rcode = 3, .rr = { SOA } },
	{ .name = "mx-silly.test", .type = T_MX,
	    .rr = { { T_MX, .data = "silly.test", .preference = 10 } } },
	{ .name = "silly.test", .type = T_A,
	    .rr = { { T_A, .data = "0.0.0.0" }, { T_A, .data = "255.255.255.255" },
		{ T_A, .data = "224.0.0.1" } } },
	{ .name = "silly.test", .type = T_AAAA,
	    .rr = { { T_AAAA, .data = "::" }, { T_AAAA, .data = "ff02::1" },
		{ T_AAAA, .data = "::ffff:192.0.2.66" } } },
	{ .name = "half.test", .type = T_A, .rcode = 2 },
	{ .name = "half.test", .type = T_AAAA, .rr = { { T_AAAA, .data = "2001:db8::8" } } },
	NO("half.test", T_MX),
	NO("half-nx.test", T_MX),
	{ .name = "half-nx.test", .type = T_A, .rcode = 2 },
	{ .name = "half-nx.test", .type = T_AAAA, .rcode = 3, .rr = { SOA } },
	{ .name = "many.test", .type = T_MX, .trick = MANY,
	    .rr = { { T_MX, .data = "b.test", .preference = 10 } } },
	{ .name = "crowd.test", .type = T_A, .trick = MANY,
	    .rr = { { T_A, .data = "192.0.2.5" } } },
	{ .name = "crowd.test", .type = T_AAAA, .rr = { { T_AAAA, .data = "2001:db8::5" } } },
	NO("crowd.test", T_MX),
	{ .name = "no-aaaa.test", .type = T_MX,
	    .rr = { { T_MX, .data = "drops.test", .preference = 10 },
		{ T_MX, .data = "drops2.test", .preference = 20 } } },
	A("drops.test", "192.0.2.9"),
	{ .name = "drops.test", .type = T_AAAA, .trick = SILENT },
	A("drops2.test", "192.0.2.10"),
	{ .name = "drops2.test", .type = T_AAAA, .trick = SILENT },
	{ .name = "no-a.test", .type = T_MX,
	    .rr = { { T_MX, .data = "drops-a.test", .preference = 10 } } },
	{ .name = "drops-a.test", .type = T_A, .trick = SILENT },
	{ .name = "drops-a.test", .type = T_AAAA, .rr = { { T_AAAA, .data = "2001:db8::9" } } },
	{ .name = NULL },
};

static struct fake_server server;

static struct dns_resolver
resolver(void)
{
	struct dns_resolver r = { .nservers = 1,
		.timeout_ms = 3000,
		.attempts = 1,
		.servers = { server.address },
		.server_len = { server.address_len } };

	return r;
}

/* "10 a.test 192.0.2.1 2001:db8::1; 20 b.test".  "=" stands before an implicit exchanger. */
static struct slice
as_text(const struct mx_list *l, struct buf *b)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct mx_exchanger *e = &l->exchangers[i];

		if (i)
			buf_str(b, "; ");
		if (e->implicit)
			buf_chr(b, '=');
		else
			buf_uint(b, e->preference);
		buf_chr(b, ' ');
		buf_str(b, e->name);
		for (size_t k = 0; k < e->naddresses; k++) {
			buf_chr(b, ' ');
			address_text(b, (const struct sockaddr *)&e->addresses[k]);
		}
	}
	return buf_slice(b);
}

static const struct lookup_case {
	const char *name;
	struct slice domain;
	enum address_family family;
	enum mx_status status;
	const char *want;
	const char *detail;		/* a part of it; NULL: any */
} lookup_cases[] = {
	{ .name = "by_preference", .domain = S("three.test"), .status = MX_OK,
	    .want = "10 a.test 2001:db8::1 192.0.2.1 2001:db8::11; 20 b.test 192.0.2.2; 30 c.test "
		"2001:db8::3" },
	{ .name = "upper_case_and_dot", .domain = S("Three.TEST."), .family = FAMILY_IPV4,
	    .status = MX_OK, .want = "10 a.test 192.0.2.1; 20 b.test 192.0.2.2; 30 c.test" },
	{ .name = "ipv6_only", .domain = S("three.test"), .family = FAMILY_IPV6, .status = MX_OK,
	    .want = "10 a.test 2001:db8::1 2001:db8::11; 20 b.test; 30 c.test 2001:db8::3" },
	{ .name = "the_same_host_twice", .domain = S("twice.test"), .status = MX_OK,
	    .want = "10 b.test 192.0.2.2" },
	{ .name = "through_a_cname", .domain = S("alias.test"), .status = MX_OK,
	    .want = "10 b.test 192.0.2.2" },
	{ .name = "R136 no MX: the domain itself", .domain = S("address.test"), .status = MX_OK,
	    .want = "= address.test 192.0.2.7" },
	{ .name = "R136 NXDOMAIN", .domain = S("nx.test"), .status = MX_NXDOMAIN, .want = "",
	    .detail = "MX nx.test: NXDOMAIN (127.0.0.1)" },
	{ .name = "R136 SERVFAIL", .domain = S("servfail.test"), .status = MX_DEFER, .want = "",
	    .detail = "MX servfail.test: SERVFAIL (127.0.0.1)" },
	{ .name = "R136 timeout", .domain = S("silent.test"), .status = MX_DEFER, .want = "",
	    .detail = "MX silent.test: no answer" },
	{ .name = "R136 an MX host without address: the domain's own is not used",
	    .domain = S("mx-nx.test"), .status = MX_NO_HOST, .want = "10 nx.test",
	    .detail = "address of nx.test: NXDOMAIN" },
	{ .name = "R136 an MX that is no host name", .domain = S("mx-odd.test"),
	    .status = MX_NO_HOST, .want = "" },
	{ .name = "R136 an MX without content", .domain = S("mx-of-0.test"), .status = MX_NO_HOST,
	    .want = "" },
	{ .name = "R137 null MX", .domain = S("null.test"), .status = MX_NULL, .want = "",
	    .detail = "MX null.test: this domain accepts no mail" },
	{ .name = "R137 a null MX among others is ignored", .domain = S("not-only-null.test"),
	    .status = MX_OK, .want = "10 b.test 192.0.2.2" },
	{ .name = "R137 two null MX", .domain = S("twice-null.test"), .status = MX_NO_HOST,
	    .want = "" },
	{ .name = "no_mx_and_no_address", .domain = S("nothing.test"), .status = MX_NO_HOST,
	    .want = "= nothing.test", .detail = "address of nothing.test: no such record" },
	{ .name = "R136 an address of one host is unknown for now", .domain = S("mx-servfail.test"),
	    .status = MX_DEFER, .want = "10 nx.test; 20 servfail.test" },
	{ .name = "one_of_two_servfail", .domain = S("one-servfail.test"), .status = MX_OK,
	    .want = "10 servfail.test; 20 b.test 192.0.2.2" },
	{ .name = "address_as_mx", .domain = S("mx-ip.test"), .status = MX_NO_HOST,
	    .want = "10 192.0.2.1" },
	{ .name = "addresses_of_no_host", .domain = S("mx-silly.test"), .status = MX_NO_HOST,
	    .want = "10 silly.test",
	    .detail = "address of silly.test: :: is no address of a host" },
	{ .name = "one_family_servfail", .domain = S("half.test"), .status = MX_OK,
	    .want = "= half.test 2001:db8::8" },
	{ .name = "one_family_servfail_the_other_unwanted", .domain = S("half.test"),
	    .family = FAMILY_IPV4, .status = MX_DEFER, .want = "= half.test",
	    .detail = "address of half.test: SERVFAIL" },
	{ .name = "one_family_servfail_the_other_nxdomain", .domain = S("half-nx.test"),
	    .status = MX_DEFER, .want = "= half-nx.test" },
	{ .name = "four_hundred_times_the_same", .domain = S("many.test"), .status = MX_OK,
	    .want = "10 b.test 192.0.2.2" },
	{ .name = "one_family_does_not_crowd_out_the_other", .domain = S("crowd.test"),
	    .status = MX_OK,
	    .want = "= crowd.test 2001:db8::5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 "
		"192.0.2.5 192.0.2.5 192.0.2.5 "
		"192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5" },
	{ .name = "literal_zeros", .domain = S("[192.000.2.001]"), .status = MX_OK,
	    .want = "= 192.0.2.1 192.0.2.1" },
	{ .name = "literal_spelling", .domain = S("[IPv6:2001:DB8:0::1]"), .status = MX_OK,
	    .want = "= 2001:db8::1 2001:db8::1" },
	{ .name = "literal_mapped", .domain = S("[IPv6:::ffff:192.0.2.1]"), .status = MX_OK,
	    .want = "= 192.0.2.1 192.0.2.1" },
	{ .name = "literal_with_a_dot_too_many", .domain = S("[192.0.2.1.]"),
	    .status = MX_BAD_NAME, .want = "" },
	{ .name = "literal_with_a_number_too_few", .domain = S("[192.0.2]"),
	    .status = MX_BAD_NAME, .want = "" },
	{ .name = "literal_with_a_number_too_great", .domain = S("[192.0.2.256]"),
	    .status = MX_BAD_NAME, .want = "" },
	{ .name = "literal_ipv4", .domain = S("[192.0.2.1]"), .status = MX_OK,
	    .want = "= 192.0.2.1 192.0.2.1" },
	{ .name = "literal_ipv6", .domain = S("[ipv6:2001:db8::1]"), .status = MX_OK,
	    .want = "= 2001:db8::1 2001:db8::1" },
	{ .name = "literal_of_the_other_family", .domain = S("[192.0.2.1]"), .family = FAMILY_IPV6,
	    .status = MX_NO_HOST, .want = "= 192.0.2.1" },
	{ .name = "literal_multicast", .domain = S("[224.0.0.1]"), .status = MX_NO_HOST,
	    .want = "= 224.0.0.1" },
	{ .name = "literal_ipv6_without_tag", .domain = S("[2001:db8::1]"), .status = MX_BAD_NAME,
	    .want = "" },
	{ .name = "literal_with_port", .domain = S("[192.0.2.1:25]"), .status = MX_BAD_NAME,
	    .want = "" },
	{ .name = "literal_garbage", .domain = S("[x]"), .status = MX_BAD_NAME, .want = "" },
	{ .name = "literal_nul", .domain = S("[192.0.2.1\0]"), .status = MX_BAD_NAME, .want = "" },
	{ .name = "literal_empty", .domain = S("[]"), .status = MX_BAD_NAME, .want = "" },
	{ .name = "no_name", .domain = S("a..test"), .status = MX_BAD_NAME, .want = "",
	    .detail = "a..test: not a domain name" },
	{ .name = "empty", .domain = S(""), .status = MX_BAD_NAME, .want = "" },
};

static void
lookup_case(const struct lookup_case *c)
{
	struct dns_resolver r = resolver();
	char space[2000];
	struct buf b = BUF(space);
	struct mx_list l;
	bool ports = true;

	if (strstr(c->name, "timeout"))
		r.timeout_ms = 50;
	mx_lookup(&r, c->domain, c->family, 2525, &l);
	is(as_text(&l, &b), slice_str(c->want), c->name);
	ok(l.status == c->status && (!c->detail || strstr(l.detail, c->detail)), "%s: %s", c->name,
	    l.detail);
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; k < l.exchangers[i].naddresses; k++)
			ports = ports &&
			    address_port((struct sockaddr *)&l.exchangers[i].addresses[k]) == 2525;
	ok(ports, "%s: port", c->name);
	mx_list_done(&l);
}

static const struct host_case {
	const char *name, *host;
	enum address_family family;
	enum mx_status status;
	const char *want;
} host_cases[] = {
	{ .name = "name", .host = "a.test", .family = FAMILY_IPV4, .status = MX_OK,
	    .want = "= a.test 192.0.2.1" },
	{ .name = "its_mx_does_not_matter", .host = "three.test", .status = MX_DEFER,
	    .want = "= three.test" },
	{ .name = "nxdomain", .host = "nx.test", .status = MX_NXDOMAIN, .want = "= nx.test" },
	{ .name = "nodata", .host = "nothing.test", .status = MX_NO_HOST,
	    .want = "= nothing.test" },
	{ .name = "servfail", .host = "servfail.test", .status = MX_DEFER,
	    .want = "= servfail.test" },
	{ .name = "ipv4", .host = "127.0.0.1", .status = MX_OK, .want = "= 127.0.0.1 127.0.0.1" },
	{ .name = "ipv6", .host = "::1", .status = MX_OK, .want = "= ::1 ::1" },
	{ .name = "localhost", .host = "localhost", .family = FAMILY_IPV4, .status = MX_OK,
	    .want = "= localhost 127.0.0.1" },
	{ .name = "no_name", .host = "a b", .status = MX_BAD_NAME, .want = "= a b" },
};

#define LABEL_60 "a23456789012345678901234567890123456789012345678901234567890"
#define LONG_NAME LABEL_60 "." LABEL_60 "." LABEL_60 "." LABEL_60 ".abcdefghi"

static const struct search_case {
	const char *name, *host;
	const char *search[3];
	unsigned ndots;
	enum mx_status status;
	const char *want;
	size_t queries;
} search_cases[] = {
	{ .name = "a short name", .host = "a", .search = { "test" }, .ndots = 1, .status = MX_OK,
	    .want = "= a 192.0.2.1", .queries = 1 },
	{ .name = "in capitals", .host = "A", .search = { "test" }, .ndots = 1, .status = MX_OK,
	    .want = "= a 192.0.2.1", .queries = 1 },
	{ .name = "the second domain", .host = "a", .search = { "nx.test", "test" }, .ndots = 1,
	    .status = MX_OK, .want = "= a 192.0.2.1", .queries = 2 },
	{ .name = "a complete name is not completed", .host = "nx.test", .search = { "test" },
	    .ndots = 1, .status = MX_NXDOMAIN, .want = "= nx.test", .queries = 1 },
	{ .name = "ndots makes a name short", .host = "a.test", .search = { "nx.test" },
	    .ndots = 2, .status = MX_OK, .want = "= a.test 192.0.2.1", .queries = 2 },
	{ .name = "a domain that is too long is passed over", .host = "a",
	    .search = { LONG_NAME, "test" }, .ndots = 1, .status = MX_OK,
	    .want = "= a 192.0.2.1", .queries = 1 },
	{ .name = "a failure that may pass ends the search", .host = "servfail",
	    .search = { "test", "nx.test" }, .ndots = 1, .status = MX_DEFER,
	    .want = "= servfail" },
	{ .name = "ndots of 0: first as it is", .host = "a", .search = { "test" }, .ndots = 0,
	    .status = MX_DEFER, .want = "= a" },
};

static void
search_case(const struct search_case *c)
{
	struct dns_resolver r = resolver();
	char space[400];
	struct buf b = BUF(space);
	struct mx_list l;
	size_t queries;

	r.ndots = c->ndots;
	for (; r.nsearch < 3 && c->search[r.nsearch]; r.nsearch++)
		(void)stpcpy(r.search[r.nsearch], c->search[r.nsearch]);
	(void)fake_seen_count(&server);
	named_look_up(&r, &(struct named_host){ c->host, 25 }, 1, NAMED_LISTED, FAMILY_IPV4, &l);
	queries = fake_seen_count(&server);
	is(as_text(&l, &b), slice_str(c->want), c->name);
	ok(l.status == c->status && (!c->queries || queries == c->queries),
	    "search: %s: %s, %zu queries", c->name, l.detail, queries);
	mx_list_done(&l);
	mx_lookup(&r, slice_str(c->host), FAMILY_IPV4, 25, &l);
	if (!memchr(c->host, '.', strlen(c->host)))
		ok(l.status != MX_OK, "search: %s: not for a domain of mail", c->name);
	mx_list_done(&l);
}

static void
host_case(const struct host_case *c)
{
	struct dns_resolver r = resolver();
	char space[400];
	struct buf b = BUF(space);
	struct mx_list l;

	named_look_up(&r, &(struct named_host){ c->host, 25 }, 1, NAMED_LISTED, c->family, &l);
	is(as_text(&l, &b), slice_str(c->want), c->name);
	ok(l.status == c->status && l.detail[0], "host %s: %s", c->name, l.detail);
	mx_list_done(&l);
}

static const struct several_case {
	const char *name;
	struct named_host hosts[3];
	enum named_order order;
	enum mx_status status;
	bool spread;
	bool unproven;		/* the names */
	const char *want;	/* preference, name, port of each */
} several_cases[] = {
	{ .name = "in the order of the list", .hosts = { { "b.test", 25 }, { "a.test", 26 } },
	    .want = "0 b.test 25, 65536 a.test 26" },
	{ .name = "all equal", .hosts = { { "b.test", 25 }, { "a.test", 26 } },
	    .order = NAMED_LATENCY, .want = "0 b.test 25, 0 a.test 26" },
	{ .name = "balanced", .hosts = { { "b.test", 25 }, { "192.0.2.9", 26 } },
	    .order = NAMED_BALANCED, .spread = true, .want = "0 b.test 25, 0 192.0.2.9 26" },
	{ .name = "one host, two ports", .hosts = { { "b.test", 25 }, { "b.test", 26 } },
	    .want = "0 b.test 25, 65536 b.test 26" },
	{ .name = "one of them is not found", .hosts = { { "nx.test", 25 }, { "b.test", 26 } },
	    .want = "0 nx.test -, 65536 b.test 26" },
	{ .name = "none is found", .hosts = { { "nx.test", 25 }, { "nothing.test", 26 } },
	    .status = MX_NO_HOST, .want = "0 nx.test -, 65536 nothing.test -" },
	{ .name = "one may be found later", .hosts = { { "nx.test", 25 }, { "servfail.test", 26 } },
	    .status = MX_DEFER, .want = "0 nx.test -, 65536 servfail.test -" },
	{ .name = "SRV: by priority, a port of 0 is none",
	    .hosts = { { "_smtp._tcp.srv.test", 0 } },
	    .spread = true, .unproven = true, .want = "10 b.test 2500, 20 a.test 2501" },
	{ .name = "SRV after a host", .hosts = { { "b.test", 25 }, { "_smtp._tcp.srv.test", 0 } },
	    .spread = true, .unproven = true,
	    .want = "0 b.test 25, 65546 b.test 2500, 65556 a.test 2501" },
	{ .name = "SRV before a host", .hosts = { { "_smtp._tcp.srv.test", 0 }, { "b.test", 25 } },
	    .spread = true, .unproven = true,
	    .want = "10 b.test 2500, 20 a.test 2501, 65536 b.test 25" },
	{ .name = "SRV: no such service", .hosts = { { "_smtp._tcp.none.test", 0 } },
	    .status = MX_NO_HOST, .spread = true, .unproven = true,
	    .want = "0 _smtp._tcp.none.test -" },
	{ .name = "SRV: a damaged record", .hosts = { { "_smtp._tcp.short.test", 0 } },
	    .status = MX_DEFER, .spread = true, .want = "0 _smtp._tcp.short.test -" },
	{ .name = "SRV: no answer", .hosts = { { "_smtp._tcp.servfail.test", 0 } },
	    .status = MX_DEFER, .spread = true, .want = "0 _smtp._tcp.servfail.test -" },
};

static void
several_case(const struct several_case *c)
{
	struct dns_resolver r = resolver();
	char space[400] = "";
	struct buf b = BUF(space);
	struct mx_list l;
	size_t n = 0;

	while (n < 3 && c->hosts[n].name)
		n++;
	named_look_up(&r, c->hosts, n, c->order, FAMILY_IPV4, &l);
	for (size_t i = 0; i < l.n; i++) {
		const struct mx_exchanger *e = &l.exchangers[i];

		buf_fmt(&b, "%s%u %s ", i ? ", " : "", e->preference, e->name);
		if (e->naddresses)
			buf_uint(&b, address_port((const struct sockaddr *)&e->addresses[0]));
		else
			buf_chr(&b, '-');
	}
	is(buf_slice(&b), slice_str(c->want), c->name);
	ok(l.status == c->status && l.spread == c->spread, "%s: %s", c->name, l.detail);
	ok((l.trust == DNS_UNCHECKED) == c->unproven, "%s: proven or not", c->name);
	mx_list_done(&l);
}

/* Each order comes up at least once in 60. */
static void
ties(void)
{
	struct dns_resolver r = resolver();
	unsigned first = 0;

	for (int i = 0; i < 60; i++) {
		struct mx_list l;

		mx_lookup(&r, SL("ties.test"), FAMILY_IPV4, 25, &l);
		first += l.n == 2 && strcmp(l.exchangers[0].name, "a.test") == 0;
		mx_list_done(&l);
	}
	ok(first > 0 && first < 60, "V37 equal preference: a random order (%u of 60)", first);
}

/* AAAA is waited for a bounded time after the host has an address; A for its whole time. */
static void
test_dropped(void)
{
	static const struct {
		const char *domain, *want;
		int least_ms, most_ms;
	} rows[] = {
		{ "no-aaaa.test", "10 drops.test 192.0.2.9; 20 drops2.test 192.0.2.10",
		    DNS_AAAA_DELAY_MS, 4900 },
		{ "no-a.test", "10 drops-a.test 2001:db8::9", 5000, 20000 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dns_resolver r = resolver();
		const int64_t before = clock_ms();
		char space[1000];
		struct buf b = BUF(space);
		struct mx_list l;
		int64_t took_ms;

		r.timeout_ms = 5000;
		mx_lookup(&r, slice_str(rows[i].domain), FAMILY_ANY, 25, &l);
		took_ms = clock_ms() - before;
		is(as_text(&l, &b), slice_str(rows[i].want), rows[i].domain);
		ok(took_ms >= rows[i].least_ms && took_ms < rows[i].most_ms, "%s: its time",
		    rows[i].domain);
		mx_list_done(&l);
	}
}

/* A dead first server costs one timeout, not one for each address. */
static void
dead_first_server(void)
{
	static const struct fake_answer none[] = { { "three.test", T_ANY, 0, SILENT, { { 0 } } },
		{ .name = NULL } };
	struct dns_resolver r = resolver();
	struct fake_server silent;
	struct mx_list l;
	int64_t before = clock_ms();

	fake_start(&silent, none);
	r.servers[1] = r.servers[0];
	r.server_len[1] = r.server_len[0];
	r.servers[0] = silent.address;
	r.nservers = 2;
	r.timeout_ms = 300;
	mx_lookup(&r, SL("three.test"), FAMILY_ANY, 25, &l);
	ok(l.status == MX_OK && l.n == 3, "a silent first server: the second one answers");
	ok(fake_seen_count(&silent) == 1 && clock_ms() - before >= 300,
	    "a silent first server is asked only once");
	mx_list_done(&l);
	fake_stop(&silent);
}

int
main(void)
{
	(void)alarm(60);
	fake_start(&server, zone);
	for (size_t i = 0; i < sizeof lookup_cases / sizeof lookup_cases[0]; i++)
		lookup_case(&lookup_cases[i]);
	for (size_t i = 0; i < sizeof host_cases / sizeof host_cases[0]; i++)
		host_case(&host_cases[i]);
	for (size_t i = 0; i < sizeof search_cases / sizeof search_cases[0]; i++)
		search_case(&search_cases[i]);
	for (size_t i = 0; i < sizeof several_cases / sizeof several_cases[0]; i++)
		several_case(&several_cases[i]);
	ties();
	test_dropped();
	dead_first_server();
	fake_stop(&server);
	return tap_done();
}
