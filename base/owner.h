// SPDX-License-Identifier: ISC
/*
 * The users of a queue.  The handler's user may only hand messages in, the relay's user owns the
 * queue.  One user can be both.  Root's files in another user's folder would be out of that user's
 * reach, so root becomes the right user before it opens the queue.
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

struct owner {
	uid_t uid;
	gid_t gid;
	const char *name;	/* NULL: the user is known by its number only */
};

/* The users of a queue.  Without `two`, both are the same. */
struct owner_pair {
	bool two;
	struct owner handler, relay;
};

enum owner_role {
	OWNER_HANDLER,
	OWNER_RELAY,
};

/* The users of a new queue of root's.  False if this machine has none of them. */
bool owner_pair_new(struct owner_pair *ret);

/* The users of a queue whose folder belongs to this user and group: two, if and only if the user is
 * smtp-relay and this machine has smtp-handler too. */
void owner_pair_of(uid_t uid, gid_t gid, struct owner_pair *ret);

const struct owner *owner_in(const struct owner_pair *pair, enum owner_role role);

/* The user that a program of this role becomes, for a queue in the folder; if there is none yet,
 * that of a new queue, or else root.  0 or -errno. */
int owner_of(const char *folder, enum owner_role role, struct owner *ret);

/* If this process is root's, become that user for good, with its groups.  0 or -errno. */
int owner_become(const struct owner *o);

#endif
