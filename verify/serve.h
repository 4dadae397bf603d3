// SPDX-License-Identifier: ISC
/*
 * One connection of a mail server that asks this filter.
 */
#ifndef VERIFY_SERVE_H
#define VERIFY_SERVE_H

#include "config/config.h"
#include "dns/resolver.h"

/* Serve the connection until it ends.  An exit status. */
int serve_connection(const struct config *config, const struct dns_resolver *resolver, int rfd,
    int wfd);

#endif
