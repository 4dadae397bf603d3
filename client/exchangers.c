// SPDX-License-Identifier: ISC
/*
 * The settings of [relay] and of the route, as arguments for dns/mx and hosts/order.  Dials nobody.
 */
#include "client/exchangers.h"

#include <assert.h>

#include "base/clock.h"
#include "client/self.h"
#include "dns/named.h"

uint16_t
exchangers_port(const struct delivery *d, const struct route_host *host)
{
	return host->port ? host->port : (uint16_t)d->config->relay.port;
}

/* The hosts that the route names. */
static void
find_named(const struct delivery *d, struct mx_list *ret)
{
	static const enum named_order orders[] = {
		[HOSTS_LISTED] = NAMED_LISTED,
		[HOSTS_LATENCY] = NAMED_LATENCY,
		[HOSTS_BALANCED] = NAMED_BALANCED,
	};
	const struct route *route = d->route;
	struct named_host hosts[NAMED_MAX];

	static_assert(NAMED_MAX == WAY_HOSTS_MAX, "a list has room for the hosts of a route");
	for (size_t i = 0; i < route->nhosts; i++)
		hosts[i] = (struct named_host){
			route->hosts[i].name, exchangers_port(d, &route->hosts[i]),
		};
	named_look_up(d->resolver, hosts, route->nhosts, orders[route->host_order],
	    d->config->relay.family, ret);
}

void
exchangers_find(const struct delivery *d, struct mx_list *ret)
{
	const struct config *config = d->config;
	const struct slice domain = slice_str(d->destination);

	if (!way_of(d->route->via)->by_domain) {
		find_named(d, ret);
		return;
	}
	mx_lookup(d->resolver, domain, config->relay.family, (uint16_t)config->relay.port, ret);
	self_drop(config, domain, ret);
}

size_t
exchangers_order(const struct delivery *d, const struct mx_list *mx,
    struct order_target targets[ORDER_MAX])
{
	const struct config *config = d->config;

	const bool by_latency = way_of(d->route->via)->by_domain &&
	    config->relay.mx_order == MX_ORDER_LATENCY;

	return order_targets(mx, d->hosts, by_latency, clock_wall_s(),
	    (int64_t)config->relay.latency_fresh_s, targets);
}
