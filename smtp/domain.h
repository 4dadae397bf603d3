// SPDX-License-Identifier: ISC
/*
 * Parts of a domain, for the parser of paths.  Private to the room.
 */
#ifndef SMTP_DOMAIN_H
#define SMTP_DOMAIN_H

#include "base/slice.h"

/* Count the octets at the start of in that a domain may hold: letters, digits, "-_.", above 127. */
size_t smtp_domain_run(struct slice in);

/* Labels of letters, digits and inner hyphens; octets above 127 as in U-labels, their encoding
 * unchecked; underscores if allowed (RFC 5321 section 4.1.2, RFC 6531 section 3.3). */
bool smtp_labels_valid(struct slice domain, bool underscore);

#endif
