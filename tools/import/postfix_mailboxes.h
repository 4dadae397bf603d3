// SPDX-License-Identifier: ISC
/*
 * Maildirs that virtual(8) of Postfix writes: virtual_mailbox_base and virtual_mailbox_maps.
 */
#ifndef TOOLS_IMPORT_POSTFIX_MAILBOXES_H
#define TOOLS_IMPORT_POSTFIX_MAILBOXES_H

#include "tools/import/postfix_list.h"

/* Set the way of a domain.  The operator has to decide about mailboxes that do not have the form of
 * the others. */
void postfix_mailboxes_set(const struct maincf *m, const struct postfix_rows *rows,
    const char *section, struct slice domain, struct plan_at at);

/* The path of one mailbox, or NULL. */
const char *postfix_mailboxes_path(const struct maincf *m, const struct postfix_rows *rows,
    struct slice address);

#endif
