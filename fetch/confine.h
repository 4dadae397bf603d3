// SPDX-License-Identifier: ISC
/*
 * The walls of the process that fetches policies and posts reports: it reads certificates, writes
 * into two folders, and starts nothing.
 */
#ifndef FETCH_CONFINE_H
#define FETCH_CONFINE_H

/* Give up all else.  folder is that of fetch/store.h, posts that of fetch/posts.h or -1.
 * authorities: a file in place of the system's ones, or NULL. */
void fetch_confine(int folder, int posts, const char *authorities);

#endif
