// SPDX-License-Identifier: ISC
/*
 * Whose password is it?  The back ends of AUTH, and when it is offered.  As a part of the main it logs, but never what a
 * client has sent.
 */
#ifndef SESSION_AUTH_H
#define SESSION_AUTH_H

#include "config/config.h"
#include "net/peer.h"
#include "smtp/server.h"

/* Inside TLS, or to trusted clients; and by a program that has the back end. */
bool auth_offered(const struct config *config, bool tls, bool trusted);

/* SMTP_ACCEPT, SMTP_REFUSE_PASSWORD, or SMTP_REFUSE_AUTH when it cannot be found out now. */
enum smtp_verdict auth_check(const struct config *config, const struct server_auth *auth, const struct peer *peer, bool tls);

/* The back ends: 1 right, 0 wrong; or -errno with what does not work in why. */

/* auth_file.c: lines user:hash of crypt(5).  Takes as long for a user who is not there. */
int auth_file_check(const char *name, struct slice user, struct slice password, struct buf *why);
/* False in a program without crypt(3). */
bool auth_file_here(void);

/* auth_dovecot.c: Dovecot's auth-client protocol. */
int auth_dovecot_check(const char *path, const struct server_auth *auth, const struct peer *peer, bool tls, struct buf *why);

#endif
