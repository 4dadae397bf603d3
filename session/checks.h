// SPDX-License-Identifier: ISC
/*
 * May this sender send, and may mail go to this recipient?  The operator gets a line if that is not
 * known.
 */
#ifndef SESSION_CHECKS_H
#define SESSION_CHECKS_H

#include "smtp/server.h"

struct session;

/* An error of the queue, 0 or -errno, as the client is to know it. */
enum smtp_verdict checks_queue(const struct session *s, int error);

/* The reverse-path of the session.  It becomes the address that this sender has elsewhere. */
enum smtp_verdict checks_mail(struct session *s);

/* Log that a list of senders cannot be read. */
void checks_unreadable(void);

/* A recipient.  If it is accepted, it counts for its user's hour.  *ret_why is as that of
 * policy_recipient(). */
enum smtp_verdict checks_rcpt(struct session *s, const struct smtp_path *to,
    struct slice *ret_why);

#endif
