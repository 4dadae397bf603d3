// SPDX-License-Identifier: ISC
/*
 * What address.c needs of domain.c beyond smtp/address.h; private to the two.
 */
#ifndef SMTP_DOMAIN_H
#define SMTP_DOMAIN_H

#include "base/slice.h"

/* How many octets at the start of in can be of a domain: letters, digits, "-_.", above 127. */
size_t smtp_domain_run(struct slice in);

/* Labels of letters, digits and inner hyphens (RFC 5321 section 4.1.2), octets above 127 as in U-labels (RFC
 * 6531 section 3.3; well-formed or not is not looked at), and underscores where they are allowed. */
bool smtp_labels_valid(struct slice domain, bool underscore);

#endif
