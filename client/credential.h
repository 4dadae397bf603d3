// SPDX-License-Identifier: ISC
/*
 * The secret that a route logs in with: a password from a file, or a token from a program.
 */
#ifndef CLIENT_CREDENTIAL_H
#define CLIENT_CREDENTIAL_H

#include "config/config.h"
#include "smtp/client_auth.h"

struct credential {
	bool is_token;
	struct buf secret;
	char space[CLIENT_AUTH_SECRET_MAX + 2];	/* the secret and its line end */
};

/* The first line of the route's password-file, or of the output of its token-command.  0; or -errno
 * with the reason in why, which never holds the secret. */
int credential_get(const struct route *r, struct credential *ret, struct buf *why);

/* Wipe the secret; fine after an error too. */
void credential_wipe(struct credential *c);

/* For --check: can the passwords be read, and are the programs there?  Each mistake is reported;
 * their number.  Credentials of a unit exist only while it runs, so they may be missing. */
unsigned credential_check(const struct config *c, const struct config_report *report);

#endif
