// SPDX-License-Identifier: ISC
/*
 * Octets that become a gzip file in memory (RFC 1952).
 */
#ifndef REPORTS_GZIP_H
#define REPORTS_GZIP_H

#include "base/buf.h"

#define GZIP_MAX ((size_t)16 << 20)	/* octets of a file; few servers take larger mail */

struct gzip;

/* NULL without memory. */
struct gzip *gzip_new(void);

/* Errors stick. */
void gzip_add(struct gzip *g, struct slice octets);

/* Complete the file.  *ret lives until gzip_free().  0; -EFBIG; -ENOMEM. */
int gzip_end(struct gzip *g, struct slice *ret);

void gzip_free(struct gzip *g);

#endif
