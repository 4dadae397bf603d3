// SPDX-License-Identifier: ISC
/*
 * Reports that wait to be posted to web servers: files "post-..." in the folder state/reports, as
 * smtp-report(8) makes them.
 */
#ifndef FETCH_POSTS_H
#define FETCH_POSTS_H

#include "config/config.h"
#include "dns/resolver.h"

/* Open the folder, and let no other process post at the same time.  A descriptor; -ENOENT: there is
 * none; -EWOULDBLOCK: another process is posting; -errno. */
int posts_open(const char *queue);

/* Post the files of the folder, and print a line for each.  One whose server has taken it, whose
 * time is over, or which is damaged, is removed. */
void posts_send(int folder, const struct config *c, const struct dns_resolver *resolver,
    int timeout_ms);

#endif
