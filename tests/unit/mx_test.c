// SPDX-License-Identifier: ISC
/* dns/mx: which hosts, in which order, and what to say when there are none. */
#include "dns/mx.h"

#include "base/clock.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/tap.h"

#define SOA { .type = T_SOA, .owner = "test", .data = "ns.test", .authority = true }
#define A(name, address) { name, T_A, 0, NO_TRICK, { { T_A, .data = address } } }
#define NO(name, kind) { name, kind, 0, NO_TRICK, { SOA } }

static const struct fake_answer zone[] = {
	{ "three.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "c.test", .preference = 30 },
	    { T_MX, .data = "a.test", .preference = 10 }, { T_MX, .data = "b.test", .preference = 20 } } },
	A("a.test", "192.0.2.1"),
	{ "a.test", T_AAAA, 0, NO_TRICK, { { T_AAAA, .data = "2001:db8::1" }, { T_AAAA, .data = "2001:db8::11" } } },
	A("b.test", "192.0.2.2"),
	NO("b.test", T_AAAA),
	{ "c.test", T_AAAA, 0, NO_TRICK, { { T_AAAA, .data = "2001:db8::3" } } },
	NO("c.test", T_A),
	{ "twice.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "b.test", .preference = 30 },
	    { T_MX, .data = "B.TEST", .preference = 10 } } },
	{ "ties.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "a.test", .preference = 10 },
	    { T_MX, .data = "b.test", .preference = 10 } } },
	{ "alias.test", T_MX, 0, NO_TRICK, { { T_CNAME, .data = "real.test" },
	    { T_MX, .owner = "real.test", .data = "b.test", .preference = 10 } } },

	NO("address.test", T_MX),
	A("address.test", "192.0.2.7"),
	NO("address.test", T_AAAA),
	{ "null.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "" } } },
	{ "not-only-null.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "" }, { T_MX, .data = "b.test", .preference = 10 } } },
	{ "twice-null.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "" }, { T_MX, .data = "", .preference = 1 } } },
	{ "nx.test", T_ANY, 3, NO_TRICK, { SOA } },
	{ "servfail.test", T_ANY, 2, NO_TRICK, { { 0 } } },
	{ "silent.test", T_ANY, 0, SILENT, { { 0 } } },
	NO("nothing.test", T_ANY),

	{ "mx-nx.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "nx.test", .preference = 10 } } },
	A("mx-nx.test", "192.0.2.66"),
	{ "mx-odd.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "a b.test", .preference = 10 } } },
	A("mx-odd.test", "192.0.2.66"),
	{ "mx-of-0.test", T_MX, 0, NO_TRICK, { { T_MX, .raw = S("") } } },
	A("mx-of-0.test", "192.0.2.66"),
	{ "mx-servfail.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "nx.test", .preference = 10 },
	    { T_MX, .data = "servfail.test", .preference = 20 } } },
	A("mx-servfail.test", "192.0.2.66"),
	{ "one-servfail.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "servfail.test", .preference = 10 },
	    { T_MX, .data = "b.test", .preference = 20 } } },
	{ "mx-ip.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "192.0.2.1", .preference = 10 } } },
	{ "192.0.2.1", T_ANY, 3, NO_TRICK, { SOA } },
	{ "mx-silly.test", T_MX, 0, NO_TRICK, { { T_MX, .data = "silly.test", .preference = 10 } } },
	{ "silly.test", T_A, 0, NO_TRICK, { { T_A, .data = "0.0.0.0" }, { T_A, .data = "255.255.255.255" },
	    { T_A, .data = "224.0.0.1" } } },
	{ "silly.test", T_AAAA, 0, NO_TRICK, { { T_AAAA, .data = "::" }, { T_AAAA, .data = "ff02::1" },
	    { T_AAAA, .data = "::ffff:192.0.2.66" } } },
	{ "half.test", T_A, 2, NO_TRICK, { { 0 } } },
	{ "half.test", T_AAAA, 0, NO_TRICK, { { T_AAAA, .data = "2001:db8::8" } } },
	NO("half.test", T_MX),
	NO("half-nx.test", T_MX),
	{ "half-nx.test", T_A, 2, NO_TRICK, { { 0 } } },
	{ "half-nx.test", T_AAAA, 3, NO_TRICK, { SOA } },
	{ "many.test", T_MX, 0, MANY, { { T_MX, .data = "b.test", .preference = 10 } } },
	{ "crowd.test", T_A, 0, MANY, { { T_A, .data = "192.0.2.5" } } },
	{ "crowd.test", T_AAAA, 0, NO_TRICK, { { T_AAAA, .data = "2001:db8::5" } } },
	NO("crowd.test", T_MX),
	{ .name = NULL },
};

static struct fake_server server;

static struct dns_resolver
resolver(void)
{
	struct dns_resolver r = { .nservers = 1, .timeout_ms = 3000, .attempts = 1, .servers = { server.address },
		.server_len = { server.address_len } };

	return r;
}

/* "10 a.test 192.0.2.1 2001:db8::1; 20 b.test" with "=" before an implicit one. */
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
	const char *detail;	/* part of it, NULL: any */
} lookup_cases[] = {
	{ "by_preference", S("three.test"), FAMILY_ANY, MX_OK,
	    "10 a.test 2001:db8::1 192.0.2.1 2001:db8::11; 20 b.test 192.0.2.2; 30 c.test 2001:db8::3", NULL },
	{ "upper_case_and_dot", S("Three.TEST."), FAMILY_IPV4, MX_OK, "10 a.test 192.0.2.1; 20 b.test 192.0.2.2; 30 c.test", NULL },
	{ "ipv6_only", S("three.test"), FAMILY_IPV6, MX_OK, "10 a.test 2001:db8::1 2001:db8::11; 20 b.test; 30 c.test 2001:db8::3", NULL },
	{ "the_same_host_twice", S("twice.test"), FAMILY_ANY, MX_OK, "10 b.test 192.0.2.2", NULL },
	{ "through_a_cname", S("alias.test"), FAMILY_ANY, MX_OK, "10 b.test 192.0.2.2", NULL },
	{ "R136 no MX: the domain itself", S("address.test"), FAMILY_ANY, MX_OK, "= address.test 192.0.2.7", NULL },
	{ "R136 NXDOMAIN", S("nx.test"), FAMILY_ANY, MX_NXDOMAIN, "", "MX nx.test: NXDOMAIN (127.0.0.1)" },
	{ "R136 SERVFAIL", S("servfail.test"), FAMILY_ANY, MX_DEFER, "", "MX servfail.test: SERVFAIL (127.0.0.1)" },
	{ "R136 timeout", S("silent.test"), FAMILY_ANY, MX_DEFER, "", "MX silent.test: no answer" },
	{ "R136 an MX without address: never the domain's", S("mx-nx.test"), FAMILY_ANY, MX_NO_HOST, "10 nx.test",
	    "address of nx.test: NXDOMAIN" },
	{ "R136 an MX that is no host name", S("mx-odd.test"), FAMILY_ANY, MX_NO_HOST, "", NULL },
	{ "R136 an MX without content", S("mx-of-0.test"), FAMILY_ANY, MX_NO_HOST, "", NULL },
	{ "R137 null MX", S("null.test"), FAMILY_ANY, MX_NULL, "", "MX null.test: this domain accepts no mail" },
	{ "R137 null MX among others is none", S("not-only-null.test"), FAMILY_ANY, MX_OK, "10 b.test 192.0.2.2", NULL },
	{ "R137 two of them", S("twice-null.test"), FAMILY_ANY, MX_NO_HOST, "", NULL },
	{ "no_mx_and_no_address", S("nothing.test"), FAMILY_ANY, MX_NO_HOST, "= nothing.test", "address of nothing.test: no such record" },
	{ "R136 some address for now unknown", S("mx-servfail.test"), FAMILY_ANY, MX_DEFER, "10 nx.test; 20 servfail.test", NULL },
	{ "one_of_two_servfail", S("one-servfail.test"), FAMILY_ANY, MX_OK, "10 servfail.test; 20 b.test 192.0.2.2", NULL },
	{ "an_address_as_name", S("mx-ip.test"), FAMILY_ANY, MX_NO_HOST, "10 192.0.2.1", NULL },
	{ "addresses_that_are_none", S("mx-silly.test"), FAMILY_ANY, MX_NO_HOST, "10 silly.test", NULL },
	{ "one_family_servfail", S("half.test"), FAMILY_ANY, MX_OK, "= half.test 2001:db8::8", NULL },
	{ "one_family_servfail_the_other_unwanted", S("half.test"), FAMILY_IPV4, MX_DEFER, "= half.test", NULL },
	{ "one_family_servfail_the_other_nxdomain", S("half-nx.test"), FAMILY_ANY, MX_DEFER, "= half-nx.test", NULL },
	{ "four_hundred_times_the_same", S("many.test"), FAMILY_ANY, MX_OK, "10 b.test 192.0.2.2", NULL },
	{ "one_family_does_not_crowd_out_the_other", S("crowd.test"), FAMILY_ANY, MX_OK,
	    "= crowd.test 2001:db8::5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 "
	    "192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5 192.0.2.5", NULL },
	{ "literal_ipv4", S("[192.0.2.1]"), FAMILY_ANY, MX_OK, "= 192.0.2.1 192.0.2.1", NULL },
	{ "literal_ipv6", S("[ipv6:2001:db8::1]"), FAMILY_ANY, MX_OK, "= 2001:db8::1 2001:db8::1", NULL },
	{ "literal_of_the_other_family", S("[192.0.2.1]"), FAMILY_IPV6, MX_NO_HOST, "= 192.0.2.1", NULL },
	{ "literal_multicast", S("[224.0.0.1]"), FAMILY_ANY, MX_NO_HOST, "= 224.0.0.1", NULL },
	{ "literal_ipv6_without_tag", S("[2001:db8::1]"), FAMILY_ANY, MX_BAD_NAME, "", NULL },
	{ "literal_with_port", S("[192.0.2.1:25]"), FAMILY_ANY, MX_BAD_NAME, "", NULL },
	{ "literal_garbage", S("[x]"), FAMILY_ANY, MX_BAD_NAME, "", NULL },
	{ "literal_nul", S("[192.0.2.1\0]"), FAMILY_ANY, MX_BAD_NAME, "", NULL },
	{ "literal_empty", S("[]"), FAMILY_ANY, MX_BAD_NAME, "", NULL },
	{ "no_name", S("a..test"), FAMILY_ANY, MX_BAD_NAME, "", "a..test: not a domain name" },
	{ "empty", S(""), FAMILY_ANY, MX_BAD_NAME, "", NULL },
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
	ok(l.status == c->status && (!c->detail || strstr(l.detail, c->detail)), "%s: %s", c->name, l.detail);
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; k < l.exchangers[i].naddresses; k++)
			ports = ports && address_port((struct sockaddr *)&l.exchangers[i].addresses[k]) == 2525;
	ok(ports, "%s: port", c->name);
	mx_list_done(&l);
}

static const struct host_case {
	const char *name, *host;
	enum address_family family;
	enum mx_status status;
	const char *want;
} host_cases[] = {
	{ "name", "a.test", FAMILY_IPV4, MX_OK, "= a.test 192.0.2.1" },
	{ "its_mx_does_not_matter", "three.test", FAMILY_ANY, MX_DEFER, "= three.test" },
	{ "nxdomain", "nx.test", FAMILY_ANY, MX_NXDOMAIN, "= nx.test" },
	{ "nodata", "nothing.test", FAMILY_ANY, MX_NO_HOST, "= nothing.test" },
	{ "servfail", "servfail.test", FAMILY_ANY, MX_DEFER, "= servfail.test" },
	{ "ipv4", "127.0.0.1", FAMILY_ANY, MX_OK, "= 127.0.0.1 127.0.0.1" },
	{ "ipv6", "::1", FAMILY_ANY, MX_OK, "= ::1 ::1" },
	{ "localhost", "localhost", FAMILY_IPV4, MX_OK, "= localhost 127.0.0.1" },
	{ "no_name", "a b", FAMILY_ANY, MX_BAD_NAME, "" },
};

static void
host_case(const struct host_case *c)
{
	struct dns_resolver r = resolver();
	char space[400];
	struct buf b = BUF(space);
	struct mx_list l;

	mx_host(&r, c->host, c->family, 25, &l);
	is(as_text(&l, &b), slice_str(c->want), c->name);
	ok(l.status == c->status && l.detail[0], "host %s: %s", c->name, l.detail);
	mx_list_done(&l);
}

/* Both orders turn up; a coin that shows one side 60 times is broken. */
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
	ok(first > 0 && first < 60, "equal preference: a random order (%u of 60)", first);
}

/* A dead first server is waited for once, not again for each address. */
static void
dead_first_server(void)
{
	static const struct fake_answer none[] = { { "three.test", T_ANY, 0, SILENT, { { 0 } } }, { .name = NULL } };
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
	ok(l.status == MX_OK && l.n == 3, "a silent first server");
	ok(fake_seen_count(&silent) == 1 && clock_ms() - before >= 300, "is asked only once");
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
	ties();
	dead_first_server();
	fake_stop(&server);
	return tap_done();
}
