// SPDX-License-Identifier: ISC
/*
 * The answers of a run.  Five hundred domains with one provider ask for the addresses of its
 * exchangers once.  Foreign servers decide the size and the lifetime of an answer, so both are
 * limited here.  If there is no room, the oldest answer is dropped.
 */
#include "dns/cache.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "base/hash.h"
#include "dns/name.h"
#include "dns/record.h"

#define RCODE_MAX 4095		/* of twelve bits (RFC 6891 section 6.1.3) */
#define BUCKETS (sizeof(((struct dns_cache *)0)->buckets) / sizeof(struct cache_entry *))

struct cache_entry {
	struct cache_entry *chain;	/* the next entry of the bucket */
	struct cache_entry *younger, *older;
	size_t size;
	struct dns_memo memo;		/* allocated only as far as it is used */
};

struct dns_cache *
dns_cache_new(void)
{
	struct dns_cache *c = calloc(1, sizeof *c);

	if (c)
		servers_init(&c->servers);
	return c;
}

size_t
dns_memo_size(const struct dns_memo *memo)
{
	return offsetof(struct dns_memo, data) + memo->octets;
}

static struct cache_entry **
find_bucket(struct dns_cache *c, const char *name, enum dns_type type)
{
	const uint64_t h = hash_octet(HASH_START, (unsigned char)type);

	return &c->buckets[hash_slice_any_case(h, slice_str(name)) % BUCKETS];
}

static bool
same_question(const struct cache_entry *e, const char *name, enum dns_type type)
{
	return e->memo.type == type && slice_ieq(slice_str(e->memo.name), slice_str(name));
}

/* Free an entry.  It must be out of the list of ages already. */
static void
free_entry(struct dns_cache *c, struct cache_entry *e)
{
	struct cache_entry **at = find_bucket(c, e->memo.name, e->memo.type);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	c->n--;
	c->octets -= e->size;
	free(e);
}

static void
drop_oldest(struct dns_cache *c)
{
	struct cache_entry *e = c->oldest;

	c->oldest = e->younger;
	if (c->oldest)
		c->oldest->older = NULL;
	else
		c->newest = NULL;
	free_entry(c, e);
}

static void
drop_entry(struct dns_cache *c, struct cache_entry *e)
{
	if (e == c->oldest) {
		drop_oldest(c);
		return;
	}
	e->older->younger = e->younger;
	if (e->younger)
		e->younger->older = e->older;
	else
		c->newest = e->older;
	free_entry(c, e);
}

void
dns_cache_clear(struct dns_cache *c)
{
	while (c && c->oldest)
		drop_oldest(c);
	if (c)
		c->server_until_ms = 0;
}

void
dns_cache_free(struct dns_cache *c)
{
	dns_cache_clear(c);
	if (c)
		servers_done(&c->servers);
	free(c);
}

/* Find a known answer.  An expired one is dropped, and the result is NULL. */
static struct cache_entry *
find_entry(struct dns_cache *c, const char *name, enum dns_type type)
{
	struct cache_entry *e = *find_bucket(c, name, type);

	while (e && !same_question(e, name, type))
		e = e->chain;
	if (e && e->memo.expires_ms <= clock_ms()) {
		drop_entry(c, e);
		e = NULL;
	}
	return e;
}

static struct slice
memo_data(const struct dns_memo *memo)
{
	return slice_of((const char *)memo->data, memo->octets);
}

static bool
pack_record(struct dns_memo *memo, const struct dns_record *record)
{
	struct buf b = { .p = (char *)memo->data, .n = memo->octets, .cap = sizeof memo->data };
	const bool fits = record_put(record, &b);

	memo->octets = (uint16_t)b.n;
	return fits;
}

bool
dns_cache_get(struct dns_cache *c, struct dns_question *q)
{
	const struct cache_entry *e = c ? find_entry(c, q->name, q->type) : NULL;
	struct dns_record *records = NULL;
	struct slice rest;

	if (!e)
		return false;
	rest = memo_data(&e->memo);
	if (e->memo.n) {
		records = calloc(e->memo.n, sizeof *records);
		if (!records)
			return false;
	}
	for (size_t i = 0; i < e->memo.n; i++) {
		if (record_take(e->memo.type, &rest, &records[i]))
			continue;
		records_free(records, i);
		return false;
	}
	q->status = e->memo.status;
	q->rcode = e->memo.rcode;
	q->ttl_s = (uint32_t)((e->memo.expires_ms - clock_ms()) / 1000);
	q->via_tcp = false;
	q->server = DNS_SERVERS_MAX;
	q->records = records;
	q->nrecords = e->memo.n;
	return true;
}

static bool
good_name(const char *name)
{
	char same[DNS_NAME_MAX];

	return dns_name_from_text(slice_str(name), same);
}

/* Are the records whole, and nothing behind them? */
static bool
good_records(const struct dns_memo *memo)
{
	struct slice rest = memo_data(memo);
	struct dns_record record;

	for (size_t i = 0; i < memo->n; i++) {
		if (!record_take(memo->type, &rest, &record))
			return false;
		free(record.text);
	}
	return rest.n == 0;
}

bool
dns_memo_valid(const struct dns_memo *memo)
{
	const sa_family_t family = memo->server.ss_family;

	return memo->octets <= sizeof memo->data && memo->n <= DNS_TEXTS_MAX &&
	    (unsigned)memo->status <= DNS_BAD_NAME && (memo->status == DNS_OK || memo->n == 0) &&
	    memo->rcode >= DNS_TOO_LARGE && memo->rcode <= RCODE_MAX &&
	    foreign_bool(&memo->turned) && foreign_bool(&memo->plain) &&
	    (family == AF_UNSPEC || family == AF_INET || family == AF_INET6) &&
	    foreign_line(memo->name, sizeof memo->name) &&
	    memo->expires_ms <= clock_ms() + CACHE_TTL_MAX_S * INT64_C(1000) &&
	    good_records(memo);
}

/* May the names of a memo be asked for, and dialled? */
static bool
good_names(const struct dns_memo *memo)
{
	struct slice rest = memo_data(memo);
	struct dns_record record;

	for (size_t i = 0; i < memo->n; i++) {
		(void)record_take(memo->type, &rest, &record);
		free(record.text);
		if (record.target[0] && !good_name(record.target))
			return false;
	}
	return good_name(memo->name);
}

void
dns_cache_put(struct dns_cache *c, const struct dns_memo *memo)
{
	struct cache_entry *e, **at;

	if (!c || !dns_memo_valid(memo) || !good_names(memo))
		return;
	if (memo->turned) {
		c->server = memo->server;
		c->server_until_ms = clock_ms() + CACHE_SERVER_S * 1000;
		servers_lost(&c->servers);
	}
	if (memo->server.ss_family)
		servers_learn(&c->servers, &memo->server, memo->took_ms, memo->plain);
	if ((e = find_entry(c, memo->name, memo->type)))
		drop_entry(c, e);
	if (memo->expires_ms <= clock_ms())
		return;
	e = calloc(1, offsetof(struct cache_entry, memo) + dns_memo_size(memo));
	if (!e)
		return;
	memcpy(&e->memo, memo, dns_memo_size(memo));
	e->size = offsetof(struct cache_entry, memo) + dns_memo_size(memo);
	while (c->oldest && (c->n >= CACHE_ENTRIES_MAX || c->octets + e->size > CACHE_OCTETS_MAX))
		drop_oldest(c);
	at = find_bucket(c, memo->name, memo->type);
	e->chain = *at;
	*at = e;
	e->older = c->newest;
	if (c->newest)
		c->newest->younger = e;
	else
		c->oldest = e;
	c->newest = e;
	c->n++;
	c->octets += e->size;
}

/* Records that decide about TLS are never kept: any worker may add a memo.  A server that validates
 * has a cache of its own. */
static int64_t
lifetime_s(const struct dns_question *q, const struct dns_resolver *r)
{
	if (q->type == DNS_TLSA || q->type == DNS_CNAME ||
	    (r->trust_ad && q->trust != DNS_UNCHECKED))
		return 0;
	switch (q->status) {
	case DNS_OK:
		return q->ttl_s < CACHE_TTL_MAX_S ? q->ttl_s : CACHE_TTL_MAX_S;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		if (q->ttl_s)
			return q->ttl_s < CACHE_NONE_MAX_S ? q->ttl_s : CACHE_NONE_MAX_S;
		return CACHE_FAILURE_S;
	case DNS_SERVFAIL:
	case DNS_TIMEOUT:
		return CACHE_FAILURE_S;
	case DNS_BAD_NAME:
		break;
	}
	return 0;
}

void
dns_cache_keep(struct dns_cache *c, const struct dns_question *q, const struct dns_resolver *r,
    bool turned)
{
	const int64_t for_s = lifetime_s(q, r);
	struct dns_memo memo = { .type = q->type, .status = q->status, .rcode = q->rcode };
	struct buf name = BUF(memo.name);

	if (!c || (!for_s && !turned))
		return;
	buf_str(&name, q->name);
	(void)buf_cstr(&name);
	memo.expires_ms = clock_ms() + for_s * 1000;
	if (q->server < r->nservers) {
		memo.server = r->servers[q->server];
		memo.turned = turned;
		memo.took_ms = q->took_ms;
		memo.plain = q->plain;
	}
	for (size_t i = 0; i < q->nrecords; i++, memo.n++)
		if (!pack_record(&memo, &q->records[i]))
			return;
	dns_cache_put(c, &memo);
	if (c->learned)
		c->learned(c->ctx, &memo);
}

size_t
dns_cache_server(const struct dns_cache *c, const struct dns_resolver *r)
{
	if (c && c->server_until_ms > clock_ms())
		for (size_t i = 0; i < r->nservers; i++)
			if (memcmp(&c->server, &r->servers[i], sizeof c->server) == 0)
				return i;
	return DNS_SERVERS_MAX;
}
