// SPDX-License-Identifier: ISC
/*
 * Runs a program in such a way that no process that it starts outlives it, not even in a session of
 * its own.  Private to the room.
 */
#ifndef CLIENT_KEEPER_H
#define CLIENT_KEEPER_H

#include <sys/types.h>

struct keeper {
	pid_t pid;		/* -1: there is none */
	int fd;			/* readable after the end of the program; -1 */
};

/* Start a command without a shell; blanks separate its words.  Its standard input is empty, its
 * output goes to out and err, and it gets no other descriptor.  0 or -errno; in both cases
 * keeper_end() must follow. */
int keeper_start(struct keeper *k, const char *command, int out, int err);

/* The wait status of the program, after fd has become readable.  -ECHILD if it is not known.  All
 * its processes have ended. */
int keeper_status(const struct keeper *k);

/* End the program with all its processes, if any live. */
void keeper_end(struct keeper *k);

#endif
