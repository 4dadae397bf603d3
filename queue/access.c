// SPDX-License-Identifier: ISC
/*
 * With two users the queue's own folder is a gate: only the relay and the group of the handler pass
 * it.  Behind it anybody may make files in tmp/, new/ and stats/, and nobody but the relay may list
 * these folders (-wx).  Sticky: a file there is renamed or removed only by its owner and by the
 * relay.  Setgid: the group of a file there is the relay's.
 */
#include "queue/access.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIVATE_MODE 0700
#define GATE_MODE    0710
#define DROP_MODE    (S_ISGID | S_ISVTX | 0773)

bool
queue_access_is_drop(const char *name)
{
	return strcmp(name, "tmp") == 0 || strcmp(name, "new") == 0 ||
	    strcmp(name, "stats") == 0;
}

struct queue_access
queue_access_of_folder(const struct owner_pair *pair, const char *name)
{
	struct queue_access a = {
		.uid = pair->relay.uid, .gid = pair->relay.gid, .mode = PRIVATE_MODE,
	};

	if (pair->two && !name) {
		a.gid = pair->handler.gid;
		a.mode = GATE_MODE;
	} else if (pair->two && queue_access_is_drop(name)) {
		a.mode = DROP_MODE;
	}
	return a;
}

struct queue_access
queue_access_handed(const struct owner_pair *pair)
{
	return (struct queue_access){
		.uid = pair->handler.uid, .gid = pair->relay.gid, .mode = QUEUE_HANDED_MODE,
	};
}

bool
queue_access_lost(int fd, const char *name, const struct stat *root)
{
	struct stat st;

	return (root->st_mode & 0777) == GATE_MODE && queue_access_is_drop(name) &&
	    fstat(fd, &st) == 0 && (st.st_mode & 07777) != DROP_MODE;
}

/* The mode follows the owner: a change of owner may clear setgid.  The unit of the relay forbids
 * both calls, and mostly neither is needed. */
int
queue_access_give(int fd, const struct queue_access *access)
{
	struct stat st;
	bool same;

	if (fstat(fd, &st) < 0)
		return -errno;
	same = st.st_uid == access->uid && st.st_gid == access->gid;
	if (!same && fchown(fd, access->uid, access->gid) < 0)
		return -errno;
	if ((!same || (st.st_mode & 07777) != access->mode) && fchmod(fd, access->mode) < 0)
		return -errno;
	return 0;
}
