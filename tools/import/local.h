// SPDX-License-Identifier: ISC
/*
 * The domains of this machine, and its aliases.
 */
#ifndef TOOLS_IMPORT_LOCAL_H
#define TOOLS_IMPORT_LOCAL_H

#include "tools/import/import.h"

/*
 * The path of an aliases file that our programs accept: that file itself; or a copy without the
 * entries that they refuse, each of which becomes a note.  NULL: there are no aliases.
 */
const char *local_aliases(struct import *im, const char *path, struct plan_at at);

/* The same for aliases of a text that an import has made. */
const char *local_aliases_text(struct import *im, struct slice text, struct plan_at at);

/* The names of users with a uid below `below`, each with the addresses: lines of an aliases file.
 * Empty if there is no /etc/passwd. */
const char *local_users_to(struct import *im, const char *addresses, unsigned below);

/* A route for a domain of this machine, whose users have Maildirs.  The aliases may be NULL. */
void local_domain(struct import *im, const char *domain, const char *folder, const char *aliases,
    struct plan_at at);

/* The full name of this machine by its files, or NULL. */
const char *local_name(struct import *im);

/* Set [server] hostname, which also completes addresses without a domain. */
void local_hostname(struct import *im, const char *name, struct plan_at at);

#endif
