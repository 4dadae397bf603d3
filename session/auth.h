// SPDX-License-Identifier: ISC
/*
 * The back ends of AUTH.  Each is given a name and a password: 1 right, 0 wrong, or -errno with the
 * reason in why if it cannot find out.  For a right password ret_user gets the name of the user in
 * the back end.  None logs, as a client's octets may hold a password.
 */
#ifndef SESSION_AUTH_H
#define SESSION_AUTH_H

#include "config/config.h"
#include "net/peer.h"
#include "smtp/server.h"

/* Lines user:hash of crypt(5).  A name that is not listed costs what some other name costs. */
int auth_file_check(const char *name, const struct server_auth *auth, struct buf *ret_user,
    struct buf *why);
/* Open that file, for all later checks: a sandbox closes its path.  An error is reported by each
 * check. */
void auth_file_hold(const char *name);
/* False in a program without crypt(3). */
bool auth_file_here(void);

/* Connect to Dovecot's socket at path, for all later checks: a sandbox forbids that. */
void auth_dovecot_hold(const char *path);
/* Dovecot's auth-client protocol, over that connection.  If Dovecot ends it, no later check of this
 * process works. */
int auth_dovecot_check(const char *path, const struct server_auth *auth, const struct peer *peer,
    bool tls, struct buf *ret_user, struct buf *why);

#endif
