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

/*
 * A copy of several texts; NULL without memory, which the others accept.  The first entry of a name
 * counts.  A row is an entry of one place.  A file whose local parts belong to another domain than
 * its aliases has that as its origin.  local_text_end() gives the path and frees the text; `same`
 * is the path of a file that is the same text if it has no mistakes, or NULL.
 */
struct local_text;

struct local_text *local_text_new(struct import *im);
void local_text_row(struct local_text *t, struct plan_at at, const char *entry);
bool local_text_file(struct local_text *t, const char *path, const char *origin,
    struct plan_at at);
/* Only the names of a file, each of which stands for itself. */
void local_text_names(struct local_text *t, const char *path);
const char *local_text_end(struct local_text *t, const char *base, const char *same,
    struct plan_at at);

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
