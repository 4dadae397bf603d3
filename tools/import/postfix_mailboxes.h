// SPDX-License-Identifier: ISC
/*
 * Maildirs that virtual(8) of Postfix writes: virtual_mailbox_base and virtual_mailbox_maps.
 */
#ifndef TOOLS_IMPORT_POSTFIX_MAILBOXES_H
#define TOOLS_IMPORT_POSTFIX_MAILBOXES_H

#include "tools/import/local.h"
#include "tools/import/postfix_list.h"

/* Set the way of a domain.  The operator has to decide about mailboxes that do not have the form of
 * the others. */
void postfix_mailboxes_set(const struct maincf *m, const struct postfix_rows *rows,
    const char *section, struct slice domain, struct plan_at at);

/* The path of one mailbox, or NULL. */
const char *postfix_mailboxes_path(const struct maincf *m, const struct postfix_rows *rows,
    struct slice address);

/* Here the postmaster of a domain stands for root, unless it has an alias.  If it is one of the
 * names (NULL: all are), and root is an alias, add an alias for itself. */
void postfix_keep_postmaster(struct import *im, struct local_text *t, struct slice domain,
    struct plan_at at, const struct postfix_rows *aliases, const struct postfix_rows *names);

#endif
