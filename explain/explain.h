// SPDX-License-Identifier: ISC
/*
 * smtp-relay --explain ADDRESS [--sender ADDRESS]: what would happen to mail for it, without sending any.
 */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include <stdio.h>

#include "config/config.h"
#include "hosts/hosts.h"
#include "dns/mx.h"
#include "dns/resolver.h"

/* For mail from sender, an address; NULL or "": the null path.  Route, DNS answers, exchangers in the order they would be tried with their latency; one that was never
 * measured is connected to for it (no mail, only QUIT).  0, or an exit code: 64 when it is no address. */
int explain(const struct config *c, const struct dns_resolver *resolver, const char *sender, const char *address,
    FILE *out);

#endif
