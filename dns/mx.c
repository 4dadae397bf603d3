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

#include "base/clock.h"
#include "dns/etc_hosts.h"
#include "dns/name.h"
#include "dns/search.h"

#define BUDGET_MS  60000	/* time for the addresses of all exchangers */
#define PAIRS (DNS_QUESTIONS_MAX / 2)	/* exchangers per batch: A and AAAA of each */

/* ---- the addresses of exchangers ---- */

struct pair {
	struct dns_question q[2];	/* AAAA, A; name is NULL if it is not asked */
};

/* Can a mail server have this address?  Loopback and private addresses are allowed: the operator
 * decides about them. */
static bool
is_usable(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct in6_addr *a = &((const struct sockaddr_in6 *)address)->sin6_addr;
	uint32_t ip;

	if (address->ss_family == AF_INET6)
		return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a) &&
		    !IN6_IS_ADDR_V4MAPPED(a);
	if (address->ss_family != AF_INET)
		return false;
	ip = ntohl(in->sin_addr.s_addr);
	return ip >> 24 != 0 && !IN_MULTICAST(ip) && ip != INADDR_BROADCAST;
}

static bool
is_wanted(int af, enum address_family family)
{
	return family == FAMILY_ANY || (family == FAMILY_IPV4) == (af == AF_INET);
}

static void
add_address(struct mx_exchanger *e, const struct sockaddr_storage *address,
    enum address_family family, uint16_t port)
{
	struct sockaddr_storage *to = &e->addresses[e->naddresses];

	if (e->naddresses == MX_ADDRESSES_MAX || !is_wanted(address->ss_family, family) ||
	    !is_usable(address))
		return;
	*to = *address;
	address_set_port((struct sockaddr *)to, port);
	e->naddresses++;
}

/* Add one answer of each family in turn, so that neither family takes all the room. */
static void
add_in_turn(struct mx_exchanger *e, const struct pair *pair, enum address_family family,
    uint16_t port)
{
	for (size_t i = 0; i < DNS_RECORDS_MAX; i++)
		for (size_t k = 0; k < 2; k++)
			if (i < pair->q[k].nrecords)
				add_address(e, &pair->q[k].records[i].address, family, port);
}

/* The reason for having no address.  A temporary reason wins over a permanent one. */
static enum dns_status
worst_status(enum dns_status a, enum dns_status b)
{
	static const enum dns_status order[] = {
		DNS_TIMEOUT, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_BAD_NAME, DNS_NODATA,
	};

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return DNS_NODATA;	/* there were records, but no usable one */
}

/* Note whether one family of addresses is proven, and where its aliases end.  The other family may
 * be broken. */
static void
add_proof(struct mx_exchanger *e, const struct dns_question *q)
{
	if (q->why[0])
		memcpy(e->why, q->why, sizeof e->why);
	if (q->status != DNS_OK || q->trust < e->trust)
		return;
	e->trust = q->trust;
	if (q->canonical[0])
		memcpy(e->canonical, q->canonical, sizeof e->canonical);
}

static void
set_addresses(struct mx_exchanger *e, struct pair *pair, enum address_family family, uint16_t port)
{
	e->status = DNS_OK;
	e->trust = DNS_UNCHECKED;
	for (size_t k = 0; k < 2; k++) {
		if (pair->q[k].name)
			add_proof(e, &pair->q[k]);
		else
			pair->q[k].status = pair->q[1 - k].status;
	}
	add_in_turn(e, pair, family, port);
	if (e->naddresses == 0)
		e->status = worst_status(pair->q[0].status, pair->q[1].status);
}

static void
ask_batch(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
    enum address_family family, uint16_t port)
{
	static const struct {
		enum dns_type type;
		int af;
	} kinds[2] = { { DNS_AAAA, AF_INET6 }, { DNS_A, AF_INET } };
	struct dns_question questions[DNS_QUESTIONS_MAX];
	struct pair pairs[PAIRS] = { 0 };
	size_t asked = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 2; k++)
			if (is_wanted(kinds[k].af, family))
				questions[asked++] = (struct dns_question){
					.name = e[i].name, .type = kinds[k].type,
				};
	dns_ask(r, questions, asked);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < 2; k++)
			if (is_wanted(kinds[k].af, family))
				pairs[i].q[k] = questions[at++];
		set_addresses(&e[i], &pairs[i], family, port);
	}
	for (size_t i = 0; i < asked; i++)
		dns_question_done(&questions[i]);
}

static void
look_up_addresses(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
    enum address_family family, uint16_t port, int budget_ms)
{
	int64_t end_ms = clock_ms() + budget_ms;

	for (size_t i = 0; i < n; i += PAIRS) {
		size_t some = n - i < PAIRS ? n - i : PAIRS;

		if (clock_left_ms(end_ms) > 0) {
			ask_batch(r, e + i, some, family, port);
			continue;
		}
		for (size_t k = i; k < i + some; k++)
			e[k].status = DNS_TIMEOUT;
	}
}

/* ---- the exchangers of a domain ---- */

/* Set the detail, a C string: "MX example.org: NXDOMAIN (192.0.2.53)". */
static void
set_detail(struct mx_list *l, const char *what, struct slice name, const char *outcome,
    const struct dns_resolver *r, size_t server)
{
	struct buf b = BUF(l->detail);

	buf_str(&b, what);
	buf_add(&b, slice_of(name.p, name.n < 80 ? name.n : 80));
	buf_str(&b, ": ");
	buf_str(&b, outcome);
	if (r && server < r->nservers) {
		buf_str(&b, " (");
		address_text(&b, (const struct sockaddr *)&r->servers[server]);
		buf_chr(&b, ')');
	}
	(void)buf_cstr(&b);
}

static bool
new_exchangers(struct mx_list *l, size_t n, struct slice domain)
{
	l->exchangers = calloc(n, sizeof l->exchangers[0]);
	if (l->exchangers)
		return true;
	l->status = MX_DEFER;
	set_detail(l, "", domain, "out of memory", NULL, 0);
	return false;
}

static const char *
address_text_of(const struct mx_exchanger *e)
{
	return e->why[0] ? e->why : dns_status_text(e->status);
}

/* Set status and detail of a list that is otherwise complete. */
static void
set_verdict(struct mx_list *l, struct slice domain)
{
	static const char *const found[][3] = {
		{ "exchangers found", "exchangers found (insecure)", "exchangers found (secure)" },
		{ "address found", "address found (insecure)", "address found (secure)" },
	};
	bool may_pass = false;

	l->status = MX_OK;
	for (size_t i = 0; i < l->n; i++) {
		if (l->exchangers[i].naddresses) {
			const struct mx_exchanger *e = &l->exchangers[i];
			const enum dns_trust trust =
			    e->implicit && e->trust < l->trust ? e->trust : l->trust;

			set_detail(l, "", domain, found[e->implicit][trust], NULL, 0);
			return;
		}
		may_pass |= l->exchangers[i].status == DNS_SERVFAIL ||
		    l->exchangers[i].status == DNS_TIMEOUT;
	}
	l->status = may_pass ? MX_DEFER : MX_NO_HOST;
	if (l->n == 1)
		set_detail(l, "address of ", slice_str(l->exchangers[0].name),
		    address_text_of(&l->exchangers[0]), NULL, 0);
	else
		set_detail(l, "addresses of the exchangers of ", domain, may_pass ?
		    "none found; some cannot be resolved at present" : "there are none", NULL, 0);
}

/* Make a list of one host: for an address, a smarthost, or a domain without MX. */
static struct mx_exchanger *
only_one(struct mx_list *l, const char *name, bool implicit)
{
	struct buf b;

	if (!new_exchangers(l, 1, slice_str(name)))
		return NULL;
	b = (struct buf)BUF(l->exchangers[0].name);
	buf_str(&b, name);
	(void)buf_cstr(&b);
	l->n = 1;
	l->exchangers[0].implicit = implicit;
	l->exchangers[0].status = DNS_NODATA;
	return &l->exchangers[0];
}

static void
one_address(struct mx_list *l, const char *text, const struct sockaddr_storage *address,
    enum address_family family, uint16_t port)
{
	struct mx_exchanger *e = only_one(l, text, true);

	if (!e)
		return;
	add_address(e, address, family, port);
	e->status = e->naddresses ? DNS_OK : DNS_NODATA;
	set_verdict(l, slice_str(text));
	if (l->status != MX_OK)
		set_detail(l, "", slice_str(text),
		    "not an address that may be connected to", NULL, 0);
}

/* Set the list for an address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section
 * 4.1.3). */
static void
address_literal(struct mx_list *l, struct slice domain, enum address_family family, uint16_t port)
{
	struct slice inner = slice_of(domain.p + 1, domain.n - 2), tag = SL("IPv6:");
	struct sockaddr_storage address = { 0 };
	bool v6 = slice_has_iprefix(inner, tag);
	char text[INET6_ADDRSTRLEN];
	void *to = v6 ? (void *)&((struct sockaddr_in6 *)&address)->sin6_addr :
	    (void *)&((struct sockaddr_in *)&address)->sin_addr;

	if (v6)
		inner = slice_skip(inner, tag.n);
	address.ss_family = v6 ? AF_INET6 : AF_INET;
	if (inner.n < sizeof text && !memchr(inner.p, '\0', inner.n)) {
		memcpy(text, inner.p, inner.n);
		text[inner.n] = '\0';
		if (inet_pton(address.ss_family, text, to) == 1) {
			one_address(l, text, &address, family, port);
			return;
		}
	}
	l->status = MX_BAD_NAME;
	set_detail(l, "", domain, "not an address", NULL, 0);
}

/* A random number from 0 to n - 1.  The bias is at most n / 2^32. */
static size_t
random_below(size_t n)
{
	uint32_t v = 0;

	if (getrandom(&v, sizeof v, 0) < 0)
		v = 0;
	return (size_t)((uint64_t)v * n >> 32);
}

/* Sort by preference.  Equal preferences get a random order, which spreads the load (RFC 5321
 * section 5.1). */
static void
sort_by_preference(struct dns_record *records, size_t n)
{
	struct dns_record swap;

	for (size_t i = n; i > 1; i--) {
		size_t k = random_below(i);

		swap = records[i - 1];
		records[i - 1] = records[k];
		records[k] = swap;
	}
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && records[k].preference < records[k - 1].preference; k--) {
			swap = records[k];
			records[k] = records[k - 1];
			records[k - 1] = swap;
		}
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
add_exchangers(struct mx_list *l, struct slice domain, struct dns_record *records, size_t n)
{
	if (!new_exchangers(l, MX_EXCHANGERS_MAX, domain))
		return;
	sort_by_preference(records, n);
	for (size_t i = 0; i < n && l->n < MX_EXCHANGERS_MAX; i++) {
		struct mx_exchanger *e = &l->exchangers[l->n];

		if (records[i].target[0] == '\0' || is_listed(l, records[i].target))
			continue;
		memcpy(e->name, records[i].target, sizeof e->name);
		e->preference = records[i].preference;
		l->n++;
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
			set_detail(ret, "MX ", domain, "this domain accepts no mail", r, q->server);
			return;
		}
		add_exchangers(ret, domain, q->records, q->nrecords);
		break;
	case DNS_NODATA:
		(void)only_one(ret, q->name, true);
		break;
	default:
		ret->status = q->status == DNS_NXDOMAIN ? MX_NXDOMAIN : MX_DEFER;
		set_detail(ret, "MX ", domain, dns_question_text(q), r, q->server);
		return;
	}
	if (!ret->exchangers)
		return;
	look_up_addresses(&turned, ret->exchangers, ret->n, family, port, BUDGET_MS);
	set_verdict(ret, domain);
}

void
mx_lookup(const struct dns_resolver *r, struct slice domain, enum address_family family,
    uint16_t port, struct mx_list *ret)
{
	struct dns_question q = { .type = DNS_MX };
	char name[DNS_NAME_MAX];

	memset(ret, 0, sizeof *ret);
	if (domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
		address_literal(ret, domain, family, port);
		return;
	}
	if (!dns_name_from_domain(domain, name)) {
		ret->status = MX_BAD_NAME;
		set_detail(ret, "", domain, "not a domain name", NULL, 0);
		return;
	}
	q.name = name;
	dns_ask(r, &q, 1);
	ret->trust = q.status == DNS_OK || q.status == DNS_NODATA ? q.trust : DNS_UNCHECKED;
	use_answer(r, &q, family, port, ret);
	dns_question_done(&q);
}

/* Look up the addresses of a host that the operator named.  A step that may succeed later ends the
 * search: a later domain could have another host of this name. */
static void
look_up_host(const struct dns_resolver *r, struct mx_exchanger *e, enum address_family family,
    uint16_t port)
{
	char configured[DNS_NAME_MAX];

	memcpy(configured, e->name, sizeof configured);
	for (size_t i = 0; search_name(r, configured, i, e->name); i++) {
		enum dns_status before = e->status;

		if (!e->name[0])
			continue;
		look_up_addresses(r, e, 1, family, port, BUDGET_MS);
		if (e->naddresses || e->status == DNS_TIMEOUT || e->status == DNS_SERVFAIL)
			break;
		if (i > 0)
			e->status = worst_status(before, e->status);
	}
	memcpy(e->name, configured, sizeof e->name);
}

void
mx_host(const struct dns_resolver *r, const char *host, enum address_family family, uint16_t port,
    struct mx_list *ret)
{
	struct sockaddr_storage known[MX_ADDRESSES_MAX];
	struct mx_exchanger *e;
	char name[DNS_NAME_MAX];
	socklen_t len;
	size_t n;

	memset(ret, 0, sizeof *ret);
	if (address_parse(slice_str(host), port, &known[0], &len)) {
		one_address(ret, host, &known[0], family, port);
		return;
	}
	if (!dns_name_from_text(slice_str(host), name)) {
		ret->status = MX_BAD_NAME;
		set_detail(ret, "", slice_str(host), "not a host name", NULL, 0);
		return;
	}
	e = only_one(ret, name, true);
	if (!e)
		return;
	n = r->hosts.p ? etc_hosts_find(r->hosts, name, known, MX_ADDRESSES_MAX)
		       : etc_hosts_look_up(ETC_HOSTS_FILE, name, known, MX_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++)
		add_address(e, &known[i], family, port);
	if (e->naddresses) {
		e->status = DNS_OK;
	} else {
		ret->trust = DNS_SECURE;
		look_up_host(r, e, family, port);
	}
	set_verdict(ret, slice_str(name));
	if (ret->status == MX_NO_HOST && e->status == DNS_NXDOMAIN)
		ret->status = MX_NXDOMAIN;
}

void
mx_cut(struct mx_list *l, size_t i, struct slice domain)
{
	while (i && l->exchangers[i - 1].preference == l->exchangers[i].preference)
		i--;
	l->n = i;
	if (i)
		set_verdict(l, domain);
}

void
mx_list_done(struct mx_list *l)
{
	free(l->exchangers);
	memset(l, 0, sizeof *l);
}
