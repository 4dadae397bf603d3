// SPDX-License-Identifier: ISC
/*
 * The users of a machine with Postfix: where their mail goes, and who they are.
 */
#ifndef TOOLS_IMPORT_POSTFIX_USERS_H
#define TOOLS_IMPORT_POSTFIX_USERS_H

#include "tools/import/maincf.h"

/* The folder in a home that gets the mail; a note if that was no Maildir. */
const char *postfix_users_folder(const struct maincf *m);

/* The transport of all users and its place; "" if the mail stays on this machine. */
const char *postfix_users_way(const struct maincf *m, struct plan_at *ret_at);

/* Is each user of the machine a recipient?  If not, tables have the names. */
bool postfix_users_all(const struct maincf *m);

#endif
