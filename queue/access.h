// SPDX-License-Identifier: ISC
/*
 * The users and modes of the queue's folders and files.
 */
#ifndef QUEUE_ACCESS_H
#define QUEUE_ACCESS_H

#include <sys/stat.h>

#include "base/owner.h"

/* A file that the handler has made in a folder of the relay.  Its group is the relay's.  The class
 * of its owner has no rights, so the handler cannot open it again. */
#define QUEUE_HANDED_MODE 0060

struct queue_access {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Is it a folder of the queue where both users make files? */
bool queue_access_is_drop(const char *name);

/* Has a folder of a queue of two users lost the mode that lets the handler make files there?  root:
 * the state of the queue's own folder. */
bool queue_access_lost(int fd, const char *name, const struct stat *root);

/* The access to a folder of the queue, or to the queue's own folder (NULL). */
struct queue_access queue_access_of_folder(const struct owner_pair *pair, const char *name);

/* The access to a file that the handler has made, if the pair is of two users. */
struct queue_access queue_access_handed(const struct owner_pair *pair);

/* Give a file or folder this owner, group and mode.  A process that is not root's needs to own it.
 * 0 or -errno. */
int queue_access_give(int fd, const struct queue_access *access);

#endif
