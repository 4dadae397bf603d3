// SPDX-License-Identifier: ISC
/*
 * A stranger chooses the name, and with it where this process connects to: never to an address that
 * only this machine or its network can reach.
 */
#include "fetch/addresses.h"

#include "base/cidr.h"

static const char *const private_networks[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/96", "64:ff9b::/96",
	"64:ff9b:1::/48", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
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

size_t
addresses_collect(const struct config *c, const char *host, const struct dns_question *q, size_t n,
    struct sockaddr_storage ret[ADDRESSES_MAX], struct buf *why)
{
	size_t found = 0, left_out = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < q[i].nrecords && found < ADDRESSES_MAX; k++) {
			const struct sockaddr_storage *ss = &q[i].records[k].address;

			if (!c->relay.allow_loopback && is_private(ss))
				left_out++;
			else
				ret[found++] = *ss;
		}
	if (found == 0 && left_out)
		buf_fmt(why, "%s has only addresses of private networks", host);
	else if (found == 0)
		buf_fmt(why, "%s has no address: %s", host, dns_question_text(&q[n - 1]));
	return found;
}

size_t
addresses_find(const struct config *c, const struct dns_resolver *resolver, const char *host,
    struct sockaddr_storage ret[ADDRESSES_MAX], struct buf *why)
{
	struct dns_question q[] = {
		{ .name = host, .type = DNS_AAAA }, { .name = host, .type = DNS_A },
	};
	size_t n;

	dns_ask(resolver, q, 2);
	n = addresses_collect(c, host, q, 2, ret, why);
	dns_question_done(&q[0]);
	dns_question_done(&q[1]);
	return n;
}
