// SPDX-License-Identifier: ISC
/*
 * master.cf of Postfix: its services, and what they set on their own.
 */
#ifndef TOOLS_IMPORT_POSTFIX_SERVICES_H
#define TOOLS_IMPORT_POSTFIX_SERVICES_H

#include "tools/import/maincf.h"

/* The settings of the server of port 25 replace those of main.cf.  Other services have a note. */
void postfix_services_read(struct maincf *m);

/* The client that a transport is without options of its own: "smtp" or "lmtp"; or NULL. */
const char *postfix_services_client(const struct maincf *m, struct slice transport);

#endif
