// SPDX-License-Identifier: ISC
/*
 * From the results of a message to the line that is kept for reports of DMARC.
 */
#ifndef VERIFY_FOUND_H
#define VERIFY_FOUND_H

#include "auth/finding.h"
#include "verify/check.h"

/* Describe a message that was checked; *ret borrows from c and client.  False if no domain wants to
 * know of it. */
bool found_describe(const struct check *c, struct buf *client, struct finding *ret);

#endif
