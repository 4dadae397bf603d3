// SPDX-License-Identifier: ISC
/*
 * This host, seen from outside: by the name in [server] hostname, by its addresses, and by the
 * greeting of its server.  Addresses of the loopback device do not count, as every host has them.
 * If such an exchanger leads to our server, its greeting shows it.
 */
#include "client/self.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "dns/name.h"

/* Can others reach us by this device? */
static bool
reachable(const struct ifaddrs *device)
{
	return device->ifa_addr && !(device->ifa_flags & (IFF_LOOPBACK | IFF_NOARP));
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->sa_family != b->ss_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		    ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return a->sa_family == AF_INET6 &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

static bool
has_own_address(const struct mx_exchanger *e, const struct ifaddrs *devices)
{
	for (const struct ifaddrs *d = devices; d; d = d->ifa_next) {
		if (!reachable(d))
			continue;
		for (size_t i = 0; i < e->naddresses; i++)
			if (same_address(d->ifa_addr, &e->addresses[i]))
				return true;
	}
	return false;
}

void
self_drop_from(struct mx_list *mx, const struct mx_exchanger *own, struct slice domain)
{
	struct buf b = BUF(mx->detail);
	int n = (int)(domain.n < DNS_NAME_MAX ? domain.n : DNS_NAME_MAX);

	mx_cut(mx, (size_t)(own - mx->exchangers), domain);
	if (mx->n)
		return;
	mx->status = MX_OWN;
	buf_fmt(&b, "mail for %.*s comes back to this host: "
	    "add a [route %.*s] that names its destination", n, domain.p, n, domain.p);
	(void)buf_cstr(&b);
}

void
self_drop(const struct config *c, struct slice domain, struct mx_list *mx)
{
	struct ifaddrs *devices = NULL;
	char name[DNS_NAME_MAX] = "";
	size_t i = 0;

	if (c->server.hostname)
		(void)dns_name_from_text(slice_str(c->server.hostname), name);
	(void)getifaddrs(&devices);	/* without them the name and the greeting are left */
	while (i < mx->n && !(name[0] && strcmp(mx->exchangers[i].name, name) == 0) &&
	    !has_own_address(&mx->exchangers[i], devices))
		i++;
	if (i < mx->n)
		self_drop_from(mx, &mx->exchangers[i], domain);
	if (devices)
		freeifaddrs(devices);
}

bool
self_greeting(const struct config *c, struct slice text)
{
	struct slice name = slice_str(c->server.hostname);

	return name.n && name.p[0] != '[' && slice_has_iprefix(text, name) &&
	    slice_eq(slice_skip(text, name.n), SL(" ESMTP smtp-handler"));
}
