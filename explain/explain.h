// SPDX-License-Identifier: ISC
/*
 * smtp-relay --explain ADDRESS [--sender ADDRESS] [--json]: what would happen to mail for
 * this address.  Sends no mail.
 */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include <stdio.h>

#include "config/config.h"
#include "dns/resolver.h"
#include "dns/validator.h"

/* Prints route, DNS answers and exchangers with their latency, in the order of a delivery.  It
 * connects to exchangers that were never measured, and sends them only QUIT.
 * validator: NULL: answers are not validated here.  sender: an address; NULL or "": the null path.
 * 0, or an exit code: 64 if it is not an address.  json: one object a line, with "key" and "text";
 * exchangers have their numbers too. */
int explain(const struct config *c, const struct dns_resolver *resolver,
    struct validator *validator, const char *sender, const char *address, bool json, FILE *out);

#endif
