// SPDX-License-Identifier: ISC
/*
 * From a domain to the hosts that accept its mail (RFC 5321 section 5.1, RFC 7505).  This file
 * decides which failures are permanent.  A domain fails only if the DNS denies it, never because
 * the DNS did not answer.
 */
#include "dns/mx.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/cidr.h"
#include "dns/exchanger.h"
#include "dns/name.h"

static void
one_address(struct mx_list *l, const char *text, const struct sockaddr_storage *address,
    enum address_family family, uint16_t port)
{
	struct mx_exchanger *e = mx_only_one(l, text, port);

	if (!e)
		return;
	exchanger_add_address(e, address, family);
	e->status = e->naddresses ? DNS_OK : DNS_NODATA;
	mx_set_verdict(l, slice_str(text));
	if (l->status != MX_OK)
		mx_set_detail(l, "", slice_str(text),
		    "not an address that may be connected to", NULL, 0);
}

/* Set the list for an address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section
 * 4.1.3). */
static void
address_literal(struct mx_list *l, struct slice domain, enum address_family family, uint16_t port)
{
	struct sockaddr_storage address;
	char text[INET6_ADDRSTRLEN];
	struct buf b = BUF(text);
	socklen_t len;

	if (!address_literal_parse(domain, &address)) {
		l->status = MX_BAD_NAME;
		mx_set_detail(l, "", domain, "not an address", NULL, 0);
		return;
	}
	address_unmap(&address, &len);
	address_text(&b, (const struct sockaddr *)&address);
	one_address(l, buf_cstr(&b), &address, family, port);
}

#define DRAWN (MX_EXCHANGERS_MAX / 4)	/* of the exchangers of a long list */

/* A random number from 0 to n - 1.  The bias is at most n / 2^32. */
static size_t
random_below(size_t n)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof v, 0) < 0)
		v = 0;
	return (size_t)((uint64_t)v * n >> 32);
}

static void
exchange(struct dns_record *records, size_t i, size_t k)
{
	const struct dns_record swap = records[i];

	records[i] = records[k];
	records[k] = swap;
}

/* Sort by preference.  Equal preferences get a random order, which spreads the load (RFC 5321
 * section 5.1). */
static void
sort_by_preference(struct dns_record *records, size_t n)
{
	for (size_t i = n; i > 1; i--)
		exchange(records, i - 1, random_below(i));
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && records[k].preference < records[k - 1].preference; k--)
			exchange(records, k, k - 1);
}

size_t
mx_sort(struct dns_record *records, size_t n)
{
	const size_t most = MX_EXCHANGERS_MAX;

	sort_by_preference(records, n);
	if (n <= most)
		return n;
	for (size_t i = most - DRAWN; i < most; i++)
		exchange(records, i, i + random_below(n - i));
	sort_by_preference(records, most);
	return most;
}

static bool
is_listed(const struct mx_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->exchangers[i].name, name) == 0)
			return true;
	return false;
}

static void
add_exchangers(struct mx_list *l, struct slice domain, uint16_t port, struct dns_record *records,
    size_t n)
{
	n = mx_sort(records, n);
	if (!mx_new_exchangers(l, n, domain))
		return;
	for (size_t i = 0; i < n; i++) {
		if (records[i].target[0] == '\0' || is_listed(l, records[i].target))
			continue;
		mx_add(l, records[i].target, port)->preference = records[i].preference;
	}
}

/* Change the order of the servers so that `server`, which just answered, is first.  Those before it
 * may be dead, and each would cost a timeout. */
static struct dns_resolver
starting_with(const struct dns_resolver *r, size_t server)
{
	struct dns_resolver turned = *r;

	for (size_t i = 0; i < r->nservers && server < r->nservers; i++) {
		size_t k = (server + i) % r->nservers;

		turned.servers[i] = r->servers[k];
		turned.server_len[i] = r->server_len[k];
	}
	return turned;
}

static void
use_answer(const struct dns_resolver *r, struct dns_question *q, enum address_family family,
    uint16_t port, struct mx_list *ret)
{
	struct slice domain = slice_str(q->name);
	struct dns_resolver turned = starting_with(r, q->server);

	switch (q->status) {
	case DNS_OK:
		if (q->nrecords == 1 && q->records[0].target[0] == '\0') {
			ret->status = MX_NULL;
			mx_set_detail(ret, "MX ", domain, "this domain accepts no mail", r,
			    q->server);
			return;
		}
		add_exchangers(ret, domain, port, q->records, q->nrecords);
		break;
	case DNS_NODATA:
		(void)mx_only_one(ret, q->name, port);
		break;
	default:
		ret->status = q->status == DNS_NXDOMAIN ? MX_NXDOMAIN : MX_DEFER;
		mx_set_detail(ret, "MX ", domain, dns_question_text(q), r, q->server);
		return;
	}
	if (!ret->exchangers)
		return;
	exchangers_look_up(&turned, ret->exchangers, ret->n, family);
	mx_set_verdict(ret, domain);
}

void
mx_lookup(const struct dns_resolver *r, struct slice domain, enum address_family family,
    uint16_t port, struct mx_list *ret)
{
	struct dns_question q = { .type = DNS_MX };
	char name[DNS_NAME_MAX];

	*ret = (struct mx_list){ .ttl_s = UINT32_MAX };
	if (domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
		address_literal(ret, domain, family, port);
		return;
	}
	if (!dns_name_from_domain(domain, name)) {
		ret->status = MX_BAD_NAME;
		mx_set_detail(ret, "", domain, "not a domain name", NULL, 0);
		return;
	}
	q.name = name;
	dns_ask(r, &q, 1);
	ret->ttl_s = q.ttl_s;
	ret->trust = q.status == DNS_OK || q.status == DNS_NODATA ? q.trust : DNS_UNCHECKED;
	use_answer(r, &q, family, port, ret);
	dns_question_done(&q);
}

void
mx_cut(struct mx_list *l, size_t i, struct slice domain)
{
	while (i && l->exchangers[i - 1].preference == l->exchangers[i].preference)
		i--;
	l->n = i;
	if (i)
		mx_set_verdict(l, domain);
}

void
mx_list_done(struct mx_list *l)
{
	free(l->exchangers);
	memset(l, 0, sizeof *l);
}
