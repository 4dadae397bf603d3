// SPDX-License-Identifier: ISC
/*
 * A host, a socket or a domain in the words of Postfix.
 */
#ifndef TOOLS_IMPORT_POSTFIX_HOST_H
#define TOOLS_IMPORT_POSTFIX_HOST_H

#include "tools/import/maincf.h"

#define POSTFIX_HOST_DOMAINS "write a [route] for each domain: smtp-handler.conf(5)"

/* Is smtp_tls_security_level one of the words?  NULL ends them. */
bool postfix_host_has_level(const struct maincf *m, const char *const *levels);

/* TLS to exchangers, as a key of [relay] or of a [route]. */
void postfix_host_set_exchangers(const struct maincf *m, const char *section);

/* The first host of a list becomes the way of a section, with its TLS and login.  The sender may be
 * empty. */
void postfix_host_set(const struct maincf *m, const char *section, struct slice sender,
    struct slice list, struct plan_at at);

/* A transport that delivers nothing, as a value of via, with this text if it has none; NULL: it is
 * another transport. */
const char *postfix_host_refusal(const struct maincf *m, struct slice transport, const char *text);

/* A word of a list of domains that is none: a table, a file, an exception, or "*". */
bool postfix_host_is_no_domain(struct slice name);

/* The path of a socket; a relative one is in the folder of the queue. */
const char *postfix_host_socket(const struct maincf *m, struct slice path);

#endif
