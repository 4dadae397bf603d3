// SPDX-License-Identifier: ISC
/*
 * Landlock by its system calls: a process gives up all files except those that it lists.  Rights
 * are those of the kernel, LANDLOCK_ACCESS_FS_*.  Descriptors that are open already keep theirs.
 */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include <linux/landlock.h>
#include <stdint.h>

enum landlock_walls {			/* bits: what is closed besides files, if the kernel can */
	LANDLOCK_NO_TCP = 1,		/* no bind(2), no connect(2) */
	LANDLOCK_NO_SIGNALS = 2,	/* no signals to processes outside */
	LANDLOCK_NO_SOCKETS = 4,	/* no abstract sockets outside */
	LANDLOCK_SCOPED = LANDLOCK_NO_SIGNALS | LANDLOCK_NO_SOCKETS,
};

struct landlock {
	int fd;				/* the rules; -1 after an error */
	int abi;
	int error;			/* the first error: -errno, or 0 */
};

/* Begin without any right. */
void landlock_begin(struct landlock *l, unsigned walls);

/* Allow rights to the file, or to all beneath the folder, that fd is.  WRITE_FILE includes
 * truncation.  An fd of -1 is ignored. */
void landlock_allow(struct landlock *l, int fd, uint64_t rights);

/* The same by a path.  A file that is not there now stays out of reach. */
void landlock_allow_path(struct landlock *l, const char *path, uint64_t rights);

/* With LANDLOCK_NO_TCP: allow connections to this port, from any local one.  An old kernel allows
 * all ports (ABI 4). */
void landlock_allow_port(struct landlock *l, uint16_t port);

/* Restrict this process and its later children, for good, and release the rules.  The process must
 * have PR_SET_NO_NEW_PRIVS.  0 or -errno of the first error; landlock_reason() has its text. */
int landlock_enforce(struct landlock *l);

/* Release the rules. */
void landlock_drop(struct landlock *l);

/* From now on this process and its later children send signals to one another only.  Another
 * restriction can then leave them that.  An older kernel does nothing.  0 or -errno. */
int landlock_keep_signals(void);

const char *landlock_reason(int error);

#endif
