// SPDX-License-Identifier: ISC
/*
 * The folder state/sts: a file for each domain whose policy of MTA-STS has been looked for.  It may
 * be deleted at any time.
 */
#ifndef FETCH_STORE_H
#define FETCH_STORE_H

#include "policy/sts_record.h"

#define STORE_FILES_MAX 10000	/* more domains: the policy that ends first makes room */

/* Open the folder in the queue's folder; make it if it is not there and `make` is set.  A
 * descriptor or -errno. */
int store_open(const char *queue, bool make);

/* Open what is known of a domain.  A descriptor, or -errno. */
int store_open_file(int folder, struct slice domain);

/* Read what is known of a domain.  False if nothing is, or if it is damaged.  The result borrows
 * from b, which must have room for STS_RECORD_MAX octets. */
bool store_read(int folder, struct slice domain, struct buf *b, struct sts_record *ret);

/* Keep a record, in place of an older one.  A crash leaves the one or the other.  0 or -errno. */
int store_write(int folder, struct slice domain, const struct sts_record *r);

/* Call each() for each domain.  Files of no use by then are removed: policies that have ended, and
 * rests of a write. */
void store_each(int folder, int64_t now_s, void (*each)(void *ctx, struct slice domain), void *ctx);

#endif
