// SPDX-License-Identifier: ISC
/*
 * This host, seen from outside: by the name in [server] hostname, by its addresses, and by the
 * greeting of its server.
 *
 * Addresses of the loopback device and of a link lead a stranger's MX record to what listens here
 * for this host or its neighbours only.  Mail goes there if the operator allows it.
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

static bool
is_private_ipv4(uint32_t ip)
{
	return ip >> 24 == 0 || ip >> 24 == 127 || ip >> 16 == 0xa9fe /* 169.254 */ ||
	    ip >> 28 == 14 || ip == UINT32_MAX;
}

/* Is this an address of no other host: loopback, unspecified, multicast or link-local?  IPv6 has
 * forms that contain an IPv4 address. */
static bool
is_private(const struct sockaddr_storage *address)
{
	const struct in6_addr *a = &((const struct sockaddr_in6 *)address)->sin6_addr;
	const uint8_t *o = a->s6_addr;
	const uint32_t last = (uint32_t)o[12] << 24 | (uint32_t)o[13] << 16 |
	    (uint32_t)o[14] << 8 | o[15];
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (address->ss_family == AF_INET)
		return is_private_ipv4(
		    ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
	if (IN6_IS_ADDR_V4MAPPED(a) || memcmp(o, nat64, sizeof nat64) == 0)
		return is_private_ipv4(last);
	return IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_V4COMPAT(a) ||
	    IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_LINKLOCAL(a);
}

static bool
has_private_address(const struct mx_exchanger *e)
{
	for (size_t i = 0; i < e->naddresses; i++)
		if (is_private(&e->addresses[i]))
			return true;
	return false;
}

/* Drop exchangers that lead to loopback addresses or the like, with those that are not better. */
static void
drop_private(struct slice domain, struct mx_list *mx)
{
	struct buf b = BUF(mx->detail);
	const struct mx_exchanger *e = mx->exchangers;
	const int n = (int)(domain.n < 80 ? domain.n : 80);
	char name[DNS_NAME_MAX];
	size_t i = 0;

	while (i < mx->n && !has_private_address(&e[i]))
		i++;
	if (i == mx->n)
		return;
	memcpy(name, e[i].name, sizeof name);
	mx_cut(mx, i, domain);
	if (mx->n)
		return;
	mx->status = MX_OWN;
	buf_fmt(&b, "the exchanger %s has an address of this host or link, such as 127.0.0.1: "
	    "add a [route %.*s] that names its destination, or set "
	    "[relay] allow-loopback-exchangers = yes", name, n, domain.p);
	(void)buf_cstr(&b);
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
	if (!c->relay.allow_loopback)
		drop_private(domain, mx);
}

bool
self_greeting(const struct config *c, struct slice text)
{
	struct slice name = slice_str(c->server.hostname);

	return name.n && name.p[0] != '[' && slice_has_iprefix(text, name) &&
	    slice_eq(slice_skip(text, name.n), SL(" ESMTP smtp-handler"));
}
