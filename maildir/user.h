// SPDX-License-Identifier: ISC
/*
 * The users of this machine who may have mail, by NSS: from files, LDAP, or another directory.
 */
#ifndef MAILDIR_USER_H
#define MAILDIR_USER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct user {
	uid_t uid;
	gid_t gid;
	char name[256], home[1024];
};

/* Find a user with mail: one with a uid from min_uid on, but for uids that stand for nobody.  1; 0:
 * there is none; -EPERM: it is a user of the system; -errno: the directory has trouble. */
int user_find(const char *name, uint64_t min_uid, struct user *ret);

/* Become the user for good.  0; -EPERM if this process has not the right; -errno.  After an error
 * the process may be neither of the two, so it must end. */
int user_become(const struct user *u);

#endif
