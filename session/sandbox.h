// SPDX-License-Identifier: ISC
/*
 * Two restrictions of a process.  Landlock closes every file that the process does not need,
 * seccomp every system call.  A session under a listener adds its own restrictions to those that it
 * has inherited.
 */
#ifndef SESSION_SANDBOX_H
#define SESSION_SANDBOX_H

#include "config/config.h"
#include "queue.h"

struct sandbox {
	const struct queue *queue;	/* NULL: nothing is queued */
	const struct config *config;	/* names the lists */
	const char *config_file;	/* which a listener reads again; NULL: the default */
	int client_fd;			/* of a session: replies go there */
	int gives_away;			/* to a session's listener, at STARTTLS; -1: not */
	int desk;			/* where a session passes a socket; -1: nowhere */
	bool has_starter;		/* of a session: session/starter.h */
	bool keeps_signals;		/* landlock_keep_signals() was called */
};

/* Each is 0, or the -errno of a restriction that does not hold. */
struct sandbox_errors {
	int files, calls;
};

/* One conversation and nothing else, for good.  Its lists are opened here. */
struct sandbox_errors sandbox_session(const struct sandbox *s);

/* The processes that fork sessions. */
enum sandbox_parent {
	SANDBOX_LISTENER,	/* accepts, and reads the configuration again */
	SANDBOX_LISTENER_KEYS,	/* the same, and its sessions read the keys */
	SANDBOX_FORKER,		/* forks for a listener; its sessions read the keys */
};

/* In such a process, before it forks a session like this: the session's filter and rules are made
 * now, once for all sessions. */
void sandbox_foresee(const struct sandbox *s);

struct sandbox_errors sandbox_parent(const struct sandbox *s, enum sandbox_parent kind);

#endif
