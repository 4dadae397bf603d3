// SPDX-License-Identifier: ISC
/*
 * The settings of [relay] and of the route, as arguments for dns/mx and hosts/order.  Dials nobody.
 */
#include "client/exchangers.h"

#include "base/clock.h"
#include "client/self.h"

void
exchangers_find(const struct delivery *d, struct mx_list *ret)
{
	const struct route *route = d->route;
	const struct config *config = d->config;
	const uint16_t port = (uint16_t)config->relay.port;

	if (way_of(route->via)->by_domain) {
		const struct slice domain = slice_str(d->destination);

		mx_lookup(d->resolver, domain, config->relay.family, port, ret);
		self_drop(config, domain, ret);
	} else {
		mx_host(d->resolver, route->host, config->relay.family,
		    route->port ? route->port : port, ret);
	}
}

size_t
exchangers_order(const struct delivery *d, const struct mx_list *mx,
    struct order_target targets[ORDER_MAX])
{
	const struct config *config = d->config;

	return order_targets(mx, d->hosts, config->relay.mx_order == MX_ORDER_LATENCY,
	    clock_wall_s(), (int64_t)config->relay.latency_fresh_s, targets);
}
