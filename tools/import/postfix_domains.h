// SPDX-License-Identifier: ISC
/*
 * The domains of a Postfix by their classes: users of the machine, aliases, mailboxes, and domains
 * whose mail goes on to another host.
 */
#ifndef TOOLS_IMPORT_POSTFIX_DOMAINS_H
#define TOOLS_IMPORT_POSTFIX_DOMAINS_H

#include "tools/import/postfix_list.h"

/* A [route] for each domain, and for each domain elsewhere that virtual_alias_maps changes. */
void postfix_domains_set(const struct maincf *m, const struct postfix_rows *transports);

#endif
