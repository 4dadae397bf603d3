// SPDX-License-Identifier: ISC
/*
 * The exchangers of a list: their addresses, and the verdict about the list as a whole.
 */
#include "dns/exchanger.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/clock.h"

#define BUDGET_MS  60000	/* time for the addresses of all exchangers */
#define PAIRS (DNS_QUESTIONS_MAX / 2)	/* exchangers per batch: A and AAAA of each */

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

/* A failure that may be over later. */
static bool
is_passing(enum dns_status status)
{
	return status == DNS_SERVFAIL || status == DNS_TIMEOUT;
}

static bool
is_wanted(int af, enum address_family family)
{
	return family == FAMILY_ANY || (family == FAMILY_IPV4) == (af == AF_INET);
}

void
exchanger_add_address(struct mx_exchanger *e, const struct sockaddr_storage *address,
    enum address_family family)
{
	struct sockaddr_storage *to = &e->addresses[e->naddresses];

	if (e->naddresses == MX_ADDRESSES_MAX || !is_wanted(address->ss_family, family) ||
	    !is_usable(address))
		return;
	*to = *address;
	address_set_port((struct sockaddr *)to, e->port);
	e->naddresses++;
}

/* Add one answer of each family in turn, so that neither family takes all the room. */
static void
add_in_turn(struct mx_exchanger *e, const struct pair *pair, enum address_family family)
{
	for (size_t i = 0; i < DNS_RECORDS_MAX; i++)
		for (size_t k = 0; k < 2; k++)
			if (i < pair->q[k].nrecords)
				exchanger_add_address(e, &pair->q[k].records[i].address,
				    family);
}

enum dns_status
exchanger_worst_status(enum dns_status a, enum dns_status b)
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

/* Keep the reason for which there is no address. */
static void
keep_reason(struct mx_exchanger *e, const struct dns_question *q)
{
	struct buf b = BUF(e->why);

	if (e->why[0] || !q->name)
		return;
	if (q->status == DNS_OK && q->nrecords) {
		address_text(&b, (const struct sockaddr *)&q->records[0].address);
		buf_str(&b, " is no address of a host");
	} else if (q->status == e->status && is_passing(e->status)) {
		buf_str(&b, dns_question_text(q));
	}
	(void)buf_cstr(&b);
}

static void
set_addresses(struct mx_exchanger *e, struct pair *pair, enum address_family family)
{
	e->status = DNS_OK;
	e->trust = DNS_UNCHECKED;
	e->why[0] = '\0';
	for (size_t k = 0; k < 2; k++) {
		if (pair->q[k].name)
			add_proof(e, &pair->q[k]);
		else
			pair->q[k].status = pair->q[1 - k].status;
	}
	add_in_turn(e, pair, family);
	if (e->naddresses)
		return;
	e->status = exchanger_worst_status(pair->q[0].status, pair->q[1].status);
	for (size_t k = 0; k < 2; k++)
		keep_reason(e, &pair->q[k]);
}

static void
ask_batch(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
    enum address_family family)
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
		set_addresses(&e[i], &pairs[i], family);
	}
	for (size_t i = 0; i < asked; i++)
		dns_question_done(&questions[i]);
}

void
exchangers_look_up(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
    enum address_family family)
{
	int64_t end_ms = clock_ms() + BUDGET_MS;

	for (size_t i = 0; i < n; i += PAIRS) {
		size_t some = n - i < PAIRS ? n - i : PAIRS;

		if (clock_left_ms(end_ms) > 0) {
			ask_batch(r, e + i, some, family);
			continue;
		}
		for (size_t k = i; k < i + some; k++)
			e[k].status = DNS_TIMEOUT;
	}
}

void
mx_set_detail(struct mx_list *l, const char *what, struct slice name, const char *outcome,
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

bool
mx_new_exchangers(struct mx_list *l, size_t n, struct slice domain)
{
	l->exchangers = calloc(n, sizeof l->exchangers[0]);
	if (l->exchangers)
		return true;
	l->status = MX_DEFER;
	mx_set_detail(l, "", domain, "out of memory", NULL, 0);
	return false;
}

static const char *
address_text_of(const struct mx_exchanger *e)
{
	return e->why[0] ? e->why : dns_status_text(e->status);
}

void
mx_set_verdict(struct mx_list *l, struct slice domain)
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

			mx_set_detail(l, "", domain, found[e->implicit][trust], NULL, 0);
			return;
		}
		may_pass |= is_passing(l->exchangers[i].status);
	}
	l->status = may_pass ? MX_DEFER : MX_NO_HOST;
	if (l->n == 1)
		mx_set_detail(l, "address of ", slice_str(l->exchangers[0].name),
		    address_text_of(&l->exchangers[0]), NULL, 0);
	else
		mx_set_detail(l, "addresses of the exchangers of ", domain, may_pass ?
		    "none found; some cannot be resolved at present" : "there are none", NULL, 0);
}

struct mx_exchanger *
mx_add(struct mx_list *l, const char *name, uint16_t port)
{
	struct mx_exchanger *e = &l->exchangers[l->n++];
	struct buf b = BUF(e->name);

	buf_str(&b, name);
	(void)buf_cstr(&b);
	e->port = port;
	e->status = DNS_NODATA;
	return e;
}

struct mx_exchanger *
mx_only_one(struct mx_list *l, const char *name, uint16_t port)
{
	struct mx_exchanger *e = mx_new_exchangers(l, 1, slice_str(name)) ? mx_add(l, name, port)
									   : NULL;

	if (e)
		e->implicit = true;
	return e;
}
