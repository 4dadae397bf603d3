// SPDX-License-Identifier: ISC
/*
 * The user whose files a program makes.  Root's files in another user's folder would be out of that
 * user's reach, so root becomes the owner of the folder.
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#define OWNER_SERVICE "smtp-handler"	/* the user of the service */

struct owner {
	uid_t uid;
	gid_t gid;
};

/* The user of the service.  False if this machine has none. */
bool owner_service(struct owner *ret);

/* The owner of a folder; if there is none yet, the user of the service, or else root.  0 or
 * -errno. */
int owner_of(const char *folder, struct owner *ret);

/* If this process is root's, become that user for good.  0 or -errno. */
int owner_become(const struct owner *o);

#endif
