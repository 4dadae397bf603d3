// SPDX-License-Identifier: ISC
/*
 * The private outbox of a user: messages that could not be handed in, because the server was away.
 * It is a folder below $XDG_STATE_HOME; each message is a file.
 */
#ifndef TOOLS_SENDMAIL_OUTBOX_H
#define TOOLS_SENDMAIL_OUTBOX_H

#include "tools/sendmail/hand_in.h"

/* Keep the mail for each person who is PERSON_OPEN; it is durable then.  0 or -errno. */
int outbox_keep(const struct mail *m);

/* Hand in what is kept.  A message that is refused goes to failed/, and its user gets a mail about
 * that.  The number of messages that stay. */
size_t outbox_send(struct desk *d, struct slice login);

/* Is anything kept? */
bool outbox_any(void);

#endif
