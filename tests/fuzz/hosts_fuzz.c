// SPDX-License-Identifier: ISC
/*
 * Two kinds of memory that are not trusted.  Anybody with access may edit state/hosts; a worker,
 * which talks to strangers, passes on answers of the DNS.  The first octet chooses the kind.
 */
#include "base/clock.h"
#include "hosts/hosts.h"
#include "dns/cache.h"
#include "tests/fuzz/fuzz.h"

/* A table that is read is sorted, printable and bounded, and each host has a state. */
static void
file(struct slice text)
{
	struct hosts h = { 0 };
	char space[400];

	hosts_parse(&h, text);
	must(h.n <= HOSTS_MAX);
	for (size_t i = 0; i < h.n; i++) {
		const struct host *host = &h.list[i];
		struct buf b = BUF(space);

		must(host_printable(host->address) && host_printable(host->name) &&
		    hosts_find(&h, host->address) == host);
		must(i == 0 || strcmp(h.list[i - 1].address, host->address) < 0);
		must(hosts_paused_until(&h, host, 1763787774) <= 1763787774 + HOSTS_PAUSE_MAX_S);
		hosts_state(&b, &h, host, 1763787774);
		must(b.n > 0);
	}
	hosts_done(&h);
}

/* The file of learned hosts, which people may edit. */
static void
learned(struct slice text)
{
	struct learned l = { .n = 0 };

	learned_parse(&l, text);
	must(l.n <= LEARNED_MAX);
	for (size_t i = 0; i < l.n; i++)
		must(secured_name_valid(l.list[i].name) && l.list[i].first_s <= l.list[i].good_s);
	(void)learned_add(&l, "mx.example.org", false, 1763787774);
	(void)learned_add(&l, "mx.example.org", true, 1763787774);
	must(l.n > 0);
	learned_done(&l);
}

/* A memo that is taken can be found, and its names end. */
static void
memo(const uint8_t *data, size_t size)
{
	struct dns_cache *c = dns_cache_new();
	struct dns_memo m = { 0 };
	struct dns_question q = { .name = m.name };

	memcpy(&m, data, size < sizeof m ? size : sizeof m);
	m.expires_ms = clock_ms() + 1000000;
	dns_cache_put(c, &m);
	if (c->n) {
		q.type = m.type;
		must(dns_cache_get(c, &q) && q.nrecords == m.n &&
		    (q.nrecords == 0 || q.status == DNS_OK));
		for (size_t i = 0; i < q.nrecords; i++)
			must(q.records[i].type == m.type &&
			    memchr(q.records[i].target, '\0', DNS_NAME_MAX));
		dns_question_done(&q);
	}
	dns_cache_free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'f')
		file(slice_of((const char *)data + 1, size - 1));
	else if (size && data[0] == 't')
		learned(slice_of((const char *)data + 1, size - 1));
	else if (size)
		memo(data + 1, size - 1);
	return 0;
}
