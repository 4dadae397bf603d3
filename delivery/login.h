// SPDX-License-Identifier: ISC
/*
 * AUTH on a link, for routes with a user.  Private to the room.
 */
#ifndef DELIVERY_LOGIN_H
#define DELIVERY_LOGIN_H

#include "delivery/greet.h"

/* Log in as the route says, behind EHLO and TLS (RFC 4954).  LINK_READY; LINK_REFUSED: the reply is a temporary one;
 * LINK_BROKEN; LINK_LOGIN. */
enum link_start link_login(struct smtp_link *l, const struct route *r, struct outcome *ret_why);

/* Is a reply to MAIL or RCPT about who we are, not about the message?  Then this is what to make of it. */
bool login_missing(const struct smtp_link *l, const struct route *r, struct outcome *ret_why);

#endif
