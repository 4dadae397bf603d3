// SPDX-License-Identifier: ISC
/*
 * The next session of a listener, forked ahead of need: its process waits for a client.
 */
#ifndef SESSION_AHEAD_H
#define SESSION_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ahead {
	pid_t pid;		/* -1: there is no such process */
	int fd;			/* to the process; in the process: from its listener */
	int number;		/* of the client's descriptor in the process */
	bool wanted;		/* a process is to be forked when nothing else is to be done */
	int64_t until_ms;	/* if no client has come by then, the process ends */
	size_t processors;
};

/* None, and none is wanted yet. */
void ahead_init(struct ahead *a);

/* A session has begun, and now there are so many.  Is the next one wanted? */
void ahead_note(struct ahead *a, size_t sessions);

/* Milliseconds until ahead_fork() or ahead_expire() is due; -1: never. */
int ahead_left_ms(const struct ahead *a);

/* Prepare to fork: a->number is then known.  0 or -errno. */
int ahead_open(struct ahead *a);
/* Fork.  0 in the process; else as fork(2). */
pid_t ahead_fork(struct ahead *a);

/* In the process: wait for the client.  Its descriptor; -1 if the listener wants none. */
int ahead_wait(const struct ahead *a);

/* Give the process a client, whose descriptor stays open here.  The pid, or -1 if there is no
 * process that can take it.  After this there is none. */
pid_t ahead_give(struct ahead *a, int client);

/* End the process, if there is one. */
void ahead_drop(struct ahead *a);
/* The same, if no client has come for long enough. */
void ahead_expire(struct ahead *a);

#endif
