// SPDX-License-Identifier: ISC
/*
 * Becoming the owner of the queue, for good and before the queue is opened: smtp-relay could not
 * move a file of root's.
 */
#include "tools/queue/user.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

int
user_become_owner(const char *directory)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(directory, &st) < 0)
		return -errno;
	if (st.st_uid == 0)
		return 0;
	if (setgroups(1, &st.st_gid) < 0 || setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0)
		return -errno;
	return 0;
}
