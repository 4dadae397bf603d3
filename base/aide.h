// SPDX-License-Identifier: ISC
/*
 * A process beside this one, which does for it what it may not do itself behind its walls.
 */
#ifndef BASE_AIDE_H
#define BASE_AIDE_H

#include <sys/types.h>

struct aide {
	int fd;				/* a SOCK_SEQPACKET to the process */
	pid_t pid;
};

/* Fork a process that calls serve() with its end of the socket, and then ends.  It has no other
 * descriptor than that and 0 to 2.  serve() returns after a hang-up at this end.  If this process
 * dies, the other is killed.  0 or -errno. */
int aide_start(struct aide *a, void (*serve)(const void *ctx, int fd), const void *ctx);

/* Hang up, and wait at most a second for the end of the process. */
void aide_end(struct aide *a);

#endif
