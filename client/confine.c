// SPDX-License-Identifier: ISC
/*
 * Certificates are the only files, and nothing can be written.  A route to a socket has no DNS and
 * no other hosts.
 */
#include "client/confine.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "client/exchangers.h"
#include "client/secrets.h"
#include "client/signer.h"
#include "client/sts.h"
#include "dns/etc_hosts.h"
#include "net/tls.h"


static const struct seccomp_rule links[] = {
	SECCOMP_CALL(connect), SECCOMP_CALL(setsockopt), SECCOMP_CALL(getsockopt),
	SECCOMP_CALL(getsockname), SECCOMP_CALL(getpeername), SECCOMP_CALL(shutdown),
	SECCOMP_WITHOUT(sendmsg, 3, MSG_FASTOPEN), SECCOMP_CALL(sendfile),
	SECCOMP_WITH(ioctl, 2, FIONREAD), SECCOMP_WITH(ioctl, 2, SIOCOUTQ),
	SECCOMP_WITH(ioctl, 2, SIOCOUTQNSD),
	SECCOMP_CALL(memfd_create),		/* a converted message */
	SECCOMP_WITHOUT(openat, 3, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
	SECCOMP_CALL(newfstatat),
};
static const struct seccomp_rule hosts[] = {
	SECCOMP_INET, SECCOMP_CALL(bind),
	/* For the addresses of this host. */
	SECCOMP_WITH_2(socket, 1, AF_NETLINK, 3, NETLINK_ROUTE),
};
static const struct seccomp_rule local[] = { SECCOMP_SOCKET(AF_UNIX, SOCK_STREAM, 0) };

static void
allow_place(void *ctx, const char *path)
{
	landlock_allow_path(ctx, path, LANDLOCK_ACCESS_FS_READ_FILE);
}

void
client_confine_prepare(const struct config *c, const struct queue *q)
{
	if (!c->relay.tls_ca_file)
		tls_places_find(q->state);
}

int
client_confine_begin(struct delivery *d, struct dns_resolver *resolver)
{
	static struct aide aide, signer;
	int r = 0;

	sts_begin(d);
	if (d->route->nhosts)
		(void)etc_hosts_read(ETC_HOSTS_FILE, &resolver->hosts);
	if (d->route->user)
		r = secrets_start(&aide, d->route);
	if (d->route->user && r == 0)
		d->aide = &aide;
	if (r == 0 && d->permits) {
		r = signer_start(&signer, d->config, d->permits);
		d->signer = r == 0 ? &signer : NULL;
	}
	return r;
}

/* Hosts, and nameservers whose answer does not fit into a datagram. */
static void
allow_ports(const struct delivery *d, const struct dns_resolver *resolver, struct landlock *l)
{
	if (way_of(d->route->via)->by_domain)
		landlock_allow_port(l, (uint16_t)d->config->relay.port);
	for (size_t i = 0; i < d->route->nhosts; i++)
		landlock_allow_port(l, exchangers_port(d, &d->route->hosts[i]));
	for (size_t i = 0; i < resolver->nservers; i++)
		landlock_allow_port(l,
		    address_port((const struct sockaddr *)&resolver->servers[i]));
}

void
client_confine(const struct delivery *d, const struct dns_resolver *resolver,
    struct landlock *l, struct seccomp *f)
{
	const char *authorities = d->config->relay.tls_ca_file;

	SECCOMP_ADD(f, links);
	if (d->route->target)
		SECCOMP_ADD(f, local);
	else
		SECCOMP_ADD(f, hosts);
	if (!d->route->target && !route_has_services(d->route))
		allow_ports(d, resolver, l);
	if (authorities)
		allow_place(l, authorities);
	else
		tls_places(allow_place, l);
}
