// SPDX-License-Identifier: ISC
/*
 * The exchangers of a destination, and the order in which their addresses are dialled.
 */
#ifndef CLIENT_EXCHANGERS_H
#define CLIENT_EXCHANGERS_H

#include "attempt/attempt.h"
#include "hosts/order.h"

/* The port of a host that the route names. */
uint16_t exchangers_port(const struct delivery *d, const struct route_host *host);

/* Look up the exchangers of d->destination, without this machine, or the hosts that the route
 * names.  mx_list_done() must follow. */
void exchangers_find(const struct delivery *d, struct mx_list *ret);

/* Fill targets with the addresses of mx, in order by d->hosts and the configuration.  Their number;
 * order_usable() of them may be dialled. */
size_t exchangers_order(const struct delivery *d, const struct mx_list *mx,
    struct order_target targets[ORDER_MAX]);

#endif
