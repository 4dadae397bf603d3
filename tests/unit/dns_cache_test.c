// SPDX-License-Identifier: ISC
/* dns/cache: which answers are kept, for how long, within which bounds; a resolver uses it. */
#include "dns/cache.h"

#include "base/clock.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/tap.h"

static struct dns_resolver resolver = { .nservers = 2, .timeout_ms = 300, .attempts = 1 };

static struct dns_memo told;
static unsigned ntold;

static void
tell(void *ctx, const struct dns_memo *memo)
{
	(void)ctx;
	memset(&told, 0xff, sizeof told);
	memcpy(&told, memo, dns_memo_size(memo));
	ntold++;
}

/* An answer of n records, which are static. */
static struct dns_question
answer(const char *name, enum dns_type type, enum dns_status status, uint32_t ttl_s, size_t n)
{
	static struct dns_record records[DNS_RECORDS_MAX];
	struct dns_question q = {
		.name = name, .type = type, .status = status, .ttl_s = ttl_s,
		.records = records, .nrecords = n,
	};

	memset(records, 0, sizeof records);
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in *in = (struct sockaddr_in *)&records[i].address;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&records[i].address;

		records[i].type = type;
		if (type == DNS_A) {
			in->sin_family = AF_INET;
			in->sin_addr.s_addr = htonl(0xc0000200U + (uint32_t)i);
		} else if (type == DNS_AAAA) {
			in6->sin6_family = AF_INET6;
			in6->sin6_addr.s6_addr[0] = 0x20;
			in6->sin6_addr.s6_addr[15] = (uint8_t)i;
		} else {
			records[i].preference = (uint16_t)(300 + i);
			if (i)		/* the first is the root */
				(void)snprintf(records[i].target, sizeof records[i].target,
				    "mx%zu.example", i);
		}
	}
	return q;
}

static const struct keep_case {
	const char *name;
	enum dns_type type;
	enum dns_status status;
	uint32_t ttl_s;
	size_t records;
	int64_t for_s;			/* kept for so long; 0: not kept */
} keeps[] = {
	{ .name = "as long as the TTL",
	  .type = DNS_A, .status = DNS_OK, .ttl_s = 300, .records = 3, .for_s = 300 },
	{ .name = "IPv6",
	  .type = DNS_AAAA, .status = DNS_OK, .ttl_s = 300, .records = 3, .for_s = 300 },
	{ .name = "MX, with the root among them",
	  .type = DNS_MX, .status = DNS_OK, .ttl_s = 300, .records = 3, .for_s = 300 },
	{ .name = "64 of them",
	  .type = DNS_AAAA, .status = DNS_OK, .ttl_s = 300, .records = DNS_RECORDS_MAX,
	  .for_s = 300 },
	{ .name = "an hour at most",
	  .type = DNS_A, .status = DNS_OK, .ttl_s = 86400, .records = 1, .for_s = 3600 },
	{ .name = "not with TTL 0", .type = DNS_A, .status = DNS_OK, .records = 1 },
	{ .name = "no such name, as long as the SOA's TTL",
	  .type = DNS_MX, .status = DNS_NXDOMAIN, .ttl_s = 60, .for_s = 60 },
	{ .name = "no such record, a quarter of an hour at most",
	  .type = DNS_MX, .status = DNS_NODATA, .ttl_s = 86400, .for_s = 900 },
	{ .name = "no such name without a SOA",
	  .type = DNS_MX, .status = DNS_NXDOMAIN, .for_s = 30 },
	{ .name = "SERVFAIL", .type = DNS_A, .status = DNS_SERVFAIL, .for_s = 30 },
	{ .name = "no answer", .type = DNS_A, .status = DNS_TIMEOUT, .for_s = 30 },
	{ .name = "not a malformed name", .type = DNS_A, .status = DNS_BAD_NAME },
};

static bool
same_records(const struct dns_question *a, const struct dns_question *b)
{
	if (a->nrecords != b->nrecords)
		return false;
	for (size_t i = 0; i < a->nrecords; i++)
		if (memcmp(&a->records[i], &b->records[i], sizeof a->records[i]) != 0)
			return false;
	return true;
}

static void
test_keep(void)
{
	for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++) {
		const struct keep_case *k = &keeps[i];
		struct dns_cache *c = dns_cache_new(), *other = dns_cache_new();
		struct dns_question q =
		    answer("a.example", k->type, k->status, k->ttl_s, k->records);
		struct dns_question got = { .name = "A.Example", .type = k->type };
		bool found;

		c->learned = tell;
		ntold = 0;
		dns_cache_keep(c, &q, &resolver, false);
		found = dns_cache_get(c, &got);
		ok(found == (k->for_s > 0) && ntold == found, "%s: kept, with a memo", k->name);
		if (found) {
			ok(got.status == k->status && same_records(&got, &q), "%s: unchanged",
			    k->name);
			ok(got.ttl_s <= k->for_s && got.ttl_s + 5 >= k->for_s, "%s: for %lld s",
			    k->name, (long long)k->for_s);
			dns_question_done(&got);
			dns_cache_put(other, &told);
			ok(dns_cache_get(other, &got) && same_records(&got, &q),
			    "%s: the same from its memo", k->name);
			dns_question_done(&got);
		}
		got.type = k->type == DNS_A ? DNS_AAAA : DNS_A;
		ok(!dns_cache_get(c, &got), "%s: no other type", k->name);
		dns_cache_free(c);
		dns_cache_free(other);
	}
}

static void
test_too_long(void)
{
	struct dns_cache *c = dns_cache_new();
	struct dns_question q = answer("a.example", DNS_MX, DNS_OK, 300, DNS_RECORDS_MAX);

	for (size_t i = 0; i < DNS_RECORDS_MAX; i++) {
		memset(q.records[i].target, 'a', 200);
		for (size_t k = 50; k < 200; k += 50)
			q.records[i].target[k] = '.';
	}
	dns_cache_keep(c, &q, &resolver, false);
	ok(c->n == 0, "an answer too long for a memo is not kept");
	dns_cache_keep(NULL, &q, &resolver, false);
	ok(!dns_cache_get(NULL, &q), "without a cache nothing is found");
	dns_cache_free(c);
	dns_cache_free(NULL);
}

static void
test_bounds(void)
{
	struct dns_cache *c = dns_cache_new();
	char name[64];
	struct dns_question q = answer(name, DNS_A, DNS_OK, 300, 1);
	bool young, old;

	for (int i = 0; i < CACHE_ENTRIES_MAX + 100; i++) {
		(void)snprintf(name, sizeof name, "n%d.example", i);
		dns_cache_keep(c, &q, &resolver, false);
	}
	(void)snprintf(name, sizeof name, "n%d.example", CACHE_ENTRIES_MAX + 99);
	young = dns_cache_get(c, &q);
	if (young)
		dns_question_done(&q);
	(void)snprintf(name, sizeof name, "n%d.example", 50);
	old = dns_cache_get(c, &q);
	ok(c->n <= CACHE_ENTRIES_MAX && c->octets <= CACHE_OCTETS_MAX && young && !old,
	    "entries are bounded: the oldest go");
	q = answer(name, DNS_AAAA, DNS_OK, 300, DNS_RECORDS_MAX);
	for (int i = 0; i < 2 * CACHE_ENTRIES_MAX; i++) {
		(void)snprintf(name, sizeof name, "m%d.example", i);
		dns_cache_keep(c, &q, &resolver, false);
	}
	ok(c->n < CACHE_ENTRIES_MAX && c->octets <= CACHE_OCTETS_MAX,
	    "octets are bounded: %zu entries, %zu octets", c->n, c->octets);
	for (int i = 0; i < 3; i++)
		dns_cache_keep(c, &q, &resolver, false);
	young = dns_cache_get(c, &q);
	if (young)
		dns_question_done(&q);
	ok(young, "an answer kept several times is there once");
	dns_cache_free(c);
}

/* Memos that a compromised process could send. */
static void
test_damaged(void)
{
	struct dns_question q = answer("a.example", DNS_MX, DNS_OK, 300, 3);
	struct dns_cache *c = dns_cache_new(), *victim = dns_cache_new();
	struct dns_memo m;

	c->learned = tell;
	dns_cache_keep(c, &q, &resolver, false);
	for (int i = 0; i < 9; i++) {
		m = told;
		if (i == 0)
			m.octets--;
		else if (i == 1)
			m.octets = 60000;
		else if (i == 2)
			m.n = 60000;
		else if (i == 3)
			m.status = DNS_NXDOMAIN;
		else if (i == 4)
			memset(m.name, 'a', sizeof m.name);
		else if (i == 5)
			memcpy(m.name, "a\nb", 4);
		else if (i == 6)
			m.data[8] = '\n';	/* in the name of the second exchanger */
		else if (i == 7)
			m.expires_ms += 86400000;
		else
			m.type = (enum dns_type)99;
		dns_cache_put(victim, &m);
	}
	ok(victim->n == 0, "damaged memos are dropped");
	m = told;
	m.expires_ms = clock_ms() + 20;
	dns_cache_put(victim, &m);
	(void)usleep(40000);
	ok(victim->n == 1 && !dns_cache_get(victim, &q) && victim->n == 0,
	    "an entry is gone after its time");
	dns_cache_free(c);
	dns_cache_free(victim);
}

static const struct fake_answer zone[] = {
	{ .name = "a.test", .type = T_A, .rr = { { .type = T_A, .data = "192.0.2.1" } } },
	{ .name = "b.test", .type = T_A, .rr = { { .type = T_A, .data = "192.0.2.2" } } },
	{ .name = "nx.test",
	  .type = T_ANY, .rcode = 3,
	  .rr = { { .type = T_SOA, .owner = "test", .data = "ns.test", .authority = true } } },
	{ .name = NULL },
};
static const struct fake_answer silence[] = {
	{ .name = "a.test", .type = T_ANY, .trick = SILENT },
	{ .name = "b.test", .type = T_ANY, .trick = SILENT },
	{ .name = NULL },
};

static enum dns_status
ask(const char *name)
{
	struct dns_question q = { .name = name, .type = DNS_A };
	enum dns_status status;

	dns_ask(&resolver, &q, 1);
	status = q.status;
	dns_question_done(&q);
	return status;
}

/* A resolver with a cache asks each question once, and waits for a silent server once. */
static void
test_resolver(void)
{
	struct fake_server good, silent;

	fake_start(&good, zone);
	fake_start(&silent, silence);
	resolver.servers[0] = silent.address;
	resolver.servers[1] = good.address;
	resolver.server_len[0] = resolver.server_len[1] = good.address_len;
	resolver.cache = dns_cache_new();
	ok(ask("a.test") == DNS_OK && ask("a.test") == DNS_OK && ask("A.test") == DNS_OK,
	    "a name, three times");
	ok(ask("nx.test") == DNS_NXDOMAIN && ask("nx.test") == DNS_NXDOMAIN, "no such name, twice");
	ok(ask("b.test") == DNS_OK, "another name");
	ok(fake_seen_count(&good) == 3, "each question reached the server once");
	ok(fake_seen_count(&silent) == 1, "one question reached the silent server before it");
	dns_cache_free(resolver.cache);
	resolver.cache = NULL;
	fake_stop(&good);
	fake_stop(&silent);
}

/* Both servers get questions: 60 random choices of only one server are too unlikely. */
static void
test_rotate(void)
{
	struct fake_server servers[2];
	size_t seen[2];

	for (int i = 0; i < 2; i++) {
		fake_start(&servers[i], zone);
		resolver.servers[i] = servers[i].address;
	}
	resolver.rotate = true;
	for (int i = 0; i < 60; i++)
		(void)ask("a.test");
	for (int i = 0; i < 2; i++) {
		seen[i] = fake_seen_count(&servers[i]);
		fake_stop(&servers[i]);
	}
	ok(seen[0] && seen[1] && seen[0] + seen[1] == 60,
	    "rotate: both servers are asked (%zu, %zu)", seen[0], seen[1]);
	resolver.rotate = false;
}

int
main(void)
{
	(void)alarm(60);
	test_keep();
	test_too_long();
	test_bounds();
	test_damaged();
	test_resolver();
	test_rotate();
	return tap_done();
}
