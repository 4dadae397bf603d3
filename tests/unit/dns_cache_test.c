// SPDX-License-Identifier: ISC
/* dns/cache: what is kept, for how long, within which bounds; and that a resolver uses it. */
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

/* An answer of n records; the caller frees nothing: they are static. */
static struct dns_question
answer(const char *name, enum dns_type type, enum dns_status status, uint32_t ttl_s, size_t n)
{
	static struct dns_record records[DNS_RECORDS_MAX];
	struct dns_question q = { .name = name, .type = type, .status = status, .ttl_s = ttl_s, .records = records, .nrecords = n };

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
				(void)snprintf(records[i].target, sizeof records[i].target, "mx%zu.example", i);
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
	int64_t for_s;			/* kept for; 0: not */
} keeps[] = {
	{ "as long as the TTL says", DNS_A, DNS_OK, 300, 3, 300 },
	{ "IPv6", DNS_AAAA, DNS_OK, 300, 3, 300 },
	{ "MX, with the root among them", DNS_MX, DNS_OK, 300, 3, 300 },
	{ "64 of them", DNS_AAAA, DNS_OK, 300, DNS_RECORDS_MAX, 300 },
	{ "an hour at most", DNS_A, DNS_OK, 86400, 1, 3600 },
	{ "not with TTL 0", DNS_A, DNS_OK, 0, 1, 0 },
	{ "no such name, as the SOA says", DNS_MX, DNS_NXDOMAIN, 60, 0, 60 },
	{ "no such record, a quarter of an hour at most", DNS_MX, DNS_NODATA, 86400, 0, 900 },
	{ "no such name without a SOA", DNS_MX, DNS_NXDOMAIN, 0, 0, 30 },
	{ "SERVFAIL", DNS_A, DNS_SERVFAIL, 0, 0, 30 },
	{ "no answer", DNS_A, DNS_TIMEOUT, 0, 0, 30 },
	{ "not what is no name", DNS_A, DNS_BAD_NAME, 0, 0, 0 },
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
		struct dns_question q = answer("a.example", k->type, k->status, k->ttl_s, k->records), got = { .name = "A.Example",
			.type = k->type };
		bool found;

		c->learned = tell;
		ntold = 0;
		dns_cache_keep(c, &q, &resolver, false);
		found = dns_cache_get(c, &got);
		ok(found == (k->for_s > 0) && ntold == found, "%s: kept and told", k->name);
		if (found) {
			ok(got.status == k->status && same_records(&got, &q), "%s: as it was", k->name);
			ok(got.ttl_s <= k->for_s && got.ttl_s + 5 >= k->for_s, "%s: for %lld s", k->name, (long long)k->for_s);
			dns_question_done(&got);
			dns_cache_put(other, &told);
			ok(dns_cache_get(other, &got) && same_records(&got, &q), "%s: the memo says the same", k->name);
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
	ok(!dns_cache_get(NULL, &q), "no cache knows nothing");
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
	ok(c->n <= CACHE_ENTRIES_MAX && c->octets <= CACHE_OCTETS_MAX && young && !old, "bounded: the oldest go");
	q = answer(name, DNS_AAAA, DNS_OK, 300, DNS_RECORDS_MAX);
	for (int i = 0; i < 2 * CACHE_ENTRIES_MAX; i++) {
		(void)snprintf(name, sizeof name, "m%d.example", i);
		dns_cache_keep(c, &q, &resolver, false);
	}
	ok(c->n < CACHE_ENTRIES_MAX && c->octets <= CACHE_OCTETS_MAX, "in octets, too: %zu entries, %zu octets", c->n, c->octets);
	for (int i = 0; i < 3; i++)
		dns_cache_keep(c, &q, &resolver, false);
	young = dns_cache_get(c, &q);
	if (young)
		dns_question_done(&q);
	ok(young, "kept again and again: once");
	dns_cache_free(c);
}

/* What a process that was taken over could send. */
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
	ok(victim->n == 1 && !dns_cache_get(victim, &q) && victim->n == 0, "when the time is over it is gone");
	dns_cache_free(c);
	dns_cache_free(victim);
}

static const struct fake_answer zone[] = {
	{ "a.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.1" } } },
	{ "b.test", T_A, 0, NO_TRICK, { { T_A, .data = "192.0.2.2" } } },
	{ "nx.test", T_ANY, 3, NO_TRICK, { { .type = T_SOA, .owner = "test", .data = "ns.test", .authority = true } } },
	{ .name = NULL },
};
static const struct fake_answer silence[] = {
	{ "a.test", T_ANY, 0, SILENT, { { 0 } } },
	{ "b.test", T_ANY, 0, SILENT, { { 0 } } },
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

/* A resolver with a cache asks once; and a silent server keeps nobody waiting twice. */
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
	ok(ask("a.test") == DNS_OK && ask("a.test") == DNS_OK && ask("A.test") == DNS_OK, "asked three times");
	ok(ask("nx.test") == DNS_NXDOMAIN && ask("nx.test") == DNS_NXDOMAIN, "and for what is not");
	ok(ask("b.test") == DNS_OK, "and for another");
	ok(fake_seen_count(&good) == 3, "a question each reached the server");
	ok(fake_seen_count(&silent) == 1, "and one the silent server before it");
	dns_cache_free(resolver.cache);
	resolver.cache = NULL;
	fake_stop(&good);
	fake_stop(&silent);
}

/* Both servers get questions; a coin that shows one side 60 times is broken. */
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
	ok(seen[0] && seen[1] && seen[0] + seen[1] == 60, "rotate: both servers are asked (%zu, %zu)", seen[0], seen[1]);
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
