// SPDX-License-Identifier: ISC
/*
 * What the parts of the reader of Postfix share.
 */
#ifndef TOOLS_IMPORT_POSTFIX_H
#define TOOLS_IMPORT_POSTFIX_H

#include "tools/import/maincf.h"

#define POSTFIX_DOMAINS "write a [route] for each domain: smtp-handler.conf(5)"

/* The first host of a list becomes the way of a section, with its TLS and login.  The sender may be
 * empty. */
void postfix_set_host(const struct maincf *m, const char *section, struct slice sender,
    struct slice list, struct plan_at at);

/* A word of a list of domains that is none: a table, a file, an exception, or "*". */
bool postfix_is_no_domain(struct slice name);

/* The path of a socket; a relative one is in the folder of the queue. */
const char *postfix_socket(const struct maincf *m, struct slice path);

/* A transport that delivers nothing, as a value of via, with this text if it has none; NULL: it is
 * another transport. */
const char *postfix_refusal(const struct maincf *m, struct slice transport, const char *text);

/* The routes of transport_maps and relay_domains. */
void postfix_set_transports(const struct maincf *m);
void postfix_set_relay_domains(const struct maincf *m);

#endif
