// SPDX-License-Identifier: ISC
/*
 * The clients that Postfix lets send: mynetworks and the restrictions of smtpd.
 */
#ifndef TOOLS_IMPORT_POSTFIX_CLIENTS_H
#define TOOLS_IMPORT_POSTFIX_CLIENTS_H

#include "tools/import/maincf.h"

/* Set [server] trusted. */
void postfix_clients_set_networks(const struct maincf *m);

/* If strangers may not send to domains of this host, close each [route] of the plan to them. */
void postfix_clients_close_routes(const struct maincf *m);

/* Did Postfix ask the next host which recipients it has? */
bool postfix_clients_probe(const struct maincf *m);

#endif
