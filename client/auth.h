// SPDX-License-Identifier: ISC
/*
 * AUTH on a link, for routes with a user.  Private to the room.
 */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include "client/greet.h"

struct aide;

/* Log in with the user of the route, after EHLO and TLS (RFC 4954).  The secret comes from the
 * process a; NULL: it is read here.  GREET_REFUSED means that the reply is a temporary one. */
enum greet_result auth_login(struct smtp_link *l, const struct route *r, const struct aide *a,
    struct outcome *ret_why);

/* Is the last reply, to MAIL or RCPT, about our login and not about the message?  Then *ret_why is
 * the outcome. */
bool auth_missing(const struct smtp_link *l, const struct route *r, struct outcome *ret_why);

#endif
