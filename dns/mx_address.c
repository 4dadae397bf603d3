// SPDX-License-Identifier: ISC
/*
 * Addresses of exchangers.  The owner of a domain decides how many names it has and how slow their
 * servers are.  Both are limited here.
 */
#include "dns/mx_address.h"

#include <netinet/in.h>

#include "base/clock.h"

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

static bool
is_wanted(int af, enum address_family family)
{
	return family == FAMILY_ANY || (family == FAMILY_IPV4) == (af == AF_INET);
}

void
mx_add_address(struct mx_exchanger *e, const struct sockaddr_storage *address,
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
				mx_add_address(e, &pair->q[k].records[i].address, family, port);
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

static void
set_addresses(struct mx_exchanger *e, struct pair *pair, enum address_family family, uint16_t port)
{
	e->status = DNS_OK;
	for (size_t k = 0; k < 2; k++)
		if (!pair->q[k].name)
			pair->q[k].status = pair->q[1 - k].status;
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

void
mx_addresses(const struct dns_resolver *r, struct mx_exchanger *e, size_t n,
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
