// SPDX-License-Identifier: ISC
/*
 * Routes of domains, by transport_maps and relay_domains of Postfix.
 */
#ifndef TOOLS_IMPORT_POSTFIX_ROUTES_H
#define TOOLS_IMPORT_POSTFIX_ROUTES_H

#include "tools/import/maincf.h"

/* A domain that has a route already keeps it. */
void postfix_routes_set_transports(const struct maincf *m);
void postfix_routes_set_relay_domains(const struct maincf *m);

#endif
