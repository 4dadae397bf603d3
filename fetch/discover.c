// SPDX-License-Identifier: ISC
/*
 * A stranger chooses the domain, and with it where this process connects to: never to an address
 * that only this machine or its network can reach.
 */
#include "fetch/discover.h"

#include "base/cidr.h"
#include "base/clock.h"
#include "fetch/https.h"

#define ADDRESSES_MAX 8

static const char *const private_networks[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/96", "64:ff9b::/96", "fc00::/7",
	"fe80::/10", "fec0::/10", "ff00::/8",
};

static bool
is_private(const struct sockaddr_storage *ss)
{
	for (size_t i = 0; i < sizeof private_networks / sizeof private_networks[0]; i++) {
		struct cidr net;

		if (cidr_parse(slice_str(private_networks[i]), &net) &&
		    cidr_match(&net, (const struct sockaddr *)ss))
			return true;
	}
	return false;
}

/* The questions of one domain. */
struct questions {
	char record[DNS_NAME_MAX], host[DNS_NAME_MAX];
	struct dns_question q[3];	/* TXT, AAAA, A */
};

static bool
name(char ret[DNS_NAME_MAX], const char *prefix, struct slice domain)
{
	return snprintf(ret, DNS_NAME_MAX, "%s.%.*s", prefix, (int)domain.n, domain.p) <
	    DNS_NAME_MAX;
}

static void
ask(const struct dns_resolver *resolver, struct questions *all)
{
	static const enum dns_type types[] = { DNS_TXT, DNS_AAAA, DNS_A };

	for (size_t i = 0; i < 3; i++)
		all->q[i] = (struct dns_question){
			.name = i == 0 ? all->record : all->host, .type = types[i],
		};
	dns_ask(resolver, all->q, 3);
}

/* The addresses that may be asked.  Their number; 0 with the reason in why. */
static size_t
collect(const struct config *c, const struct questions *all,
    struct sockaddr_storage ret[ADDRESSES_MAX], struct buf *why)
{
	size_t n = 0, left_out = 0;

	for (size_t i = 1; i < 3; i++)
		for (size_t k = 0; k < all->q[i].nrecords && n < ADDRESSES_MAX; k++) {
			const struct sockaddr_storage *ss = &all->q[i].records[k].address;

			if (!c->relay.allow_loopback && is_private(ss))
				left_out++;
			else
				ret[n++] = *ss;
		}
	if (n == 0 && left_out)
		buf_fmt(why, "%s has only addresses of private networks", all->host);
	else if (n == 0)
		buf_fmt(why, "%s has no address: %s", all->host, dns_question_text(&all->q[2]));
	return n;
}

static bool
get(const struct config *c, const struct questions *all, int timeout_ms, struct buf *text,
    struct sts_policy *ret, struct buf *why)
{
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	const struct https_request request = {
		.host = all->host, .path = "/.well-known/mta-sts.txt", .addresses = addresses,
		.naddresses = collect(c, all, addresses, why),
		.authorities = c->relay.tls_ca_file, .type = "text/plain",
		.timeout_ms = timeout_ms,
	};
	const size_t at = text->n;

	if (!request.naddresses || !https_get(&request, text, why))
		return false;
	buf_fmt(why, "https://%s sent no policy: ", all->host);
	if (!sts_parse(slice_of(text->p + at, text->n - at), ret, why))
		return false;
	why->n = 0;
	return true;
}

enum discover_result
discover_policy(const struct config *c, const struct dns_resolver *resolver, struct slice domain,
    bool known, int timeout_ms, struct buf *text, struct sts_record *ret, struct buf *why)
{
	enum discover_result result = DISCOVER_FAILED;
	struct questions all;
	struct slice id;

	*ret = (struct sts_record){ .id = SL("") };
	if (!name(all.record, "_mta-sts", domain) || !name(all.host, "mta-sts", domain))
		return DISCOVER_NONE;
	ask(resolver, &all);
	id = sts_announced(all.q[0].records, all.q[0].nrecords);
	if (id.n || known) {
		buf_add(text, id);
		ret->id = slice_of(text->p, id.n);
		ret->fetched_s = clock_wall_s();
		ret->has_policy = get(c, &all, timeout_ms, text, &ret->policy, why);
		ret->expires_s = ret->fetched_s + ret->policy.max_age_s;
		result = ret->has_policy ? DISCOVER_FOUND : DISCOVER_FAILED;
	} else {
		result = DISCOVER_NONE;
	}
	for (size_t i = 0; i < 3; i++)
		dns_question_done(&all.q[i]);
	return result;
}
