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

int
auth_file_check(const char *name, struct slice user, struct slice password, struct buf *why)
{
	(void)name;
	(void)user;
	(void)password;
	buf_str(why, "auth = file: needs smtp-handler-tls");
	return -ENOSYS;
}
