// SPDX-License-Identifier: ISC
/*
 * The walls of the process that fetches policies: it reads certificates, writes into one folder,
 * and starts nothing.
 */
#ifndef FETCH_CONFINE_H
#define FETCH_CONFINE_H

/* Give up all else.  folder is that of fetch/store.h.  authorities: a file in place of the system's
 * ones, or NULL. */
void fetch_confine(int folder, const char *authorities);

#endif
