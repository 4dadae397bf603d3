// SPDX-License-Identifier: ISC
/*
 * The right to a signature.  Private to the room.
 */
#ifndef CLIENT_SIGNER_RULE_H
#define CLIENT_SIGNER_RULE_H

#include "config/dkim.h"

/* The section that signs mail of this sender with From in the domain `author`.  NULL: none may, as
 * From is what a client wrote, and only some clients may write it. */
const struct dkim_domain *signer_rule(const struct config *c, struct sender sender,
    struct slice author);

#endif
