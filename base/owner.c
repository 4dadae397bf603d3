// SPDX-License-Identifier: ISC
#include "base/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

bool
owner_service(struct owner *ret)
{
	const struct passwd *user = getpwnam(OWNER_SERVICE);

	if (!user)
		return false;
	*ret = (struct owner){ .uid = user->pw_uid, .gid = user->pw_gid };
	return true;
}

int
owner_of(const char *folder, struct owner *ret)
{
	struct stat st;

	*ret = (struct owner){ 0, 0 };
	if (stat(folder, &st) == 0)
		*ret = (struct owner){ .uid = st.st_uid, .gid = st.st_gid };
	else if (errno != ENOENT)
		return -errno;
	else
		(void)owner_service(ret);
	return 0;
}

int
owner_become(const struct owner *o)
{
	if (geteuid() != 0 || o->uid == 0)
		return 0;
	if (setgroups(1, &o->gid) < 0 || setgid(o->gid) < 0 || setuid(o->uid) < 0)
		return -errno;
	return 0;
}
