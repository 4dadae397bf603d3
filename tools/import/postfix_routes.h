// SPDX-License-Identifier: ISC
/*
 * Ways of domains, by transport_maps and the transports of Postfix.
 */
#ifndef TOOLS_IMPORT_POSTFIX_ROUTES_H
#define TOOLS_IMPORT_POSTFIX_ROUTES_H

#include "tools/import/postfix_list.h"

/* A [route] for each line of transport_maps.  A domain that has a route already keeps it. */
void postfix_routes_set_transports(const struct maincf *m, const struct postfix_rows *rows);

/* Has transport_maps a line for the domain? */
bool postfix_routes_has_line(const struct maincf *m, const struct postfix_rows *rows,
    struct slice domain);

/* Has it a way for the domain? */
bool postfix_routes_has_way(const struct maincf *m, const struct postfix_rows *rows,
    struct slice domain);

/* The first line of an address of the domain, if all such lines have the same way and no line is
 * for the domain, as Mailman has them; or NULL. */
const struct maincf_line *postfix_routes_of_addresses(const struct maincf *m,
    const struct postfix_rows *rows, struct slice domain);

/*
 * The way of a domain by transport_maps.  True: the section has one.  Lines for more than one
 * domain, such as "*", count for the domains of this host, too.
 */
bool postfix_routes_set_by_table(const struct maincf *m, const struct postfix_rows *rows,
    const char *section, struct slice domain);

/* Set the way of a section: TRANSPORT:HOP.  Without both it is that of mail for other domains.  If
 * our programs have no such way, the mail of the section is held. */
void postfix_routes_set_way(const struct maincf *m, const char *section, struct slice value,
    struct plan_at at);

/* The way of relay_domains without a transport: relayhost, or the exchangers. */
void postfix_routes_set_relay(const struct maincf *m, const char *section, struct plan_at at);

/* The way of mail for other domains: default_transport and relayhost. */
void postfix_routes_set_default(const struct maincf *m, const char *section, struct plan_at at);

#endif
