// SPDX-License-Identifier: ISC
/*
 * smtp-handler has no crypt(3): musl's does not know yescrypt, and glibc's is one more library.
 * smtp-handler-tls has auth_file.c in place of this.
 */
#include "session/auth.h"

#include <errno.h>

bool
auth_file_here(void)
{
	return false;
}

void
auth_file_hold(const char *name)
{
	(void)name;
}

int
auth_file_check(const char *name, const struct server_auth *auth, struct buf *ret_user,
    struct buf *why)
{
	(void)name;
	(void)auth;
	(void)ret_user;
	buf_str(why, "auth = file: needs smtp-handler-tls");
	return -ENOSYS;
}
