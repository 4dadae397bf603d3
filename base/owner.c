// SPDX-License-Identifier: ISC
#include "base/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
find_user(const char *name, struct owner *ret)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return false;
	*ret = (struct owner){ .uid = user->pw_uid, .gid = user->pw_gid, .name = name };
	return true;
}

bool
owner_pair_new(struct owner_pair *ret)
{
	struct owner_pair pair;
	const bool handler = find_user("smtp-handler", &pair.handler);
	const bool relay = find_user("smtp-relay", &pair.relay);

	if (!handler && !relay)
		return false;
	pair.two = handler && relay;
	if (!handler)
		pair.handler = pair.relay;
	if (!relay)
		pair.relay = pair.handler;
	*ret = pair;
	return true;
}

void
owner_pair_of(uid_t uid, gid_t gid, struct owner_pair *ret)
{
	const struct owner one = { .uid = uid, .gid = gid };

	/* Root is not smtp-relay: two users need not be looked up. */
	if (uid != 0 && owner_pair_new(ret) && ret->two && ret->relay.uid == uid)
		return;
	*ret = (struct owner_pair){ .handler = one, .relay = one };
}

const struct owner *
owner_in(const struct owner_pair *pair, enum owner_role role)
{
	return role == OWNER_HANDLER ? &pair->handler : &pair->relay;
}

int
owner_of(const char *folder, enum owner_role role, struct owner *ret)
{
	struct owner_pair pair = { 0 };
	struct stat st;

	if (stat(folder, &st) == 0)
		owner_pair_of(st.st_uid, st.st_gid, &pair);
	else if (errno != ENOENT)
		return -errno;
	else
		(void)owner_pair_new(&pair);
	*ret = *owner_in(&pair, role);
	return 0;
}

int
owner_become(const struct owner *o)
{
	int r;

	if (geteuid() != 0 || o->uid == 0)
		return 0;
	r = o->name ? initgroups(o->name, o->gid) : setgroups(1, &o->gid);
	if (r < 0 || setgid(o->gid) < 0 || setuid(o->uid) < 0)
		return -errno;
	return 0;
}
