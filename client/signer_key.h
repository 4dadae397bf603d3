// SPDX-License-Identifier: ISC
/*
 * The keys of a process that signs.  Private to the room.
 */
#ifndef CLIENT_SIGNER_KEY_H
#define CLIENT_SIGNER_KEY_H

#include "base/landlock.h"
#include "base/sign.h"
#include "config/dkim.h"

/* The key in a file or credential.  A key that was read is kept until the process ends.  NULL with
 * the reason in why. */
const struct sign_key *signer_key(struct slice name, struct buf *why);

/* Allow the files of a domain. */
void signer_key_allow(const struct dkim_domain *d, struct landlock *l);

#endif
