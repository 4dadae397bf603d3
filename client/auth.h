// SPDX-License-Identifier: ISC
/*
 * AUTH on a link, for routes with a user.  Private to the room.
 */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include "client/greet.h"

/* Log in as the route says, behind EHLO and TLS (RFC 4954).  GREET_READY; GREET_REFUSED: the reply is a temporary one;
 * GREET_BROKEN; GREET_LOGIN. */
enum greet_result auth_login(struct smtp_link *l, const struct route *r, struct outcome *ret_why);

/* Is a reply to MAIL or RCPT about who we are, not about the message?  Then this is what to make of it. */
bool auth_missing(const struct smtp_link *l, const struct route *r, struct outcome *ret_why);

#endif
