// SPDX-License-Identifier: ISC
/*
 * What a route logs in with: a password out of a file, a token out of a program.  Private to the room, but for --check.
 */
#ifndef CLIENT_CREDENTIAL_H
#define CLIENT_CREDENTIAL_H

#include "config/config.h"
#include "smtp/client_auth.h"

struct credential {
	bool is_token;
	struct buf secret;
	char space[CLIENT_AUTH_SECRET_MAX + 2];	/* and its line end */
};

/* The first line of the route's password-file, or of what its token-command prints.  0; or -errno, with what is wrong in
 * why, in which the secret is not. */
int credential_get(const struct route *r, struct credential *ret, struct buf *why);

/* Forget it, whether it was got or not. */
void credential_wipe(struct credential *c);

/* For --check: are the routes' passwords to be had, and their programs there?  Each mistake is reported; how many.  Credentials
 * of a unit are there only while it runs. */
unsigned credential_check(const struct config *c, const struct config_report *report);

#endif
