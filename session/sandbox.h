// SPDX-License-Identifier: ISC
/*
 * What a process gives up before it reads the first octet from a client: every file but the
 * queue's tmp/ and new/ and the folders of its lists (Landlock), every system call it has no use for
 * (seccomp), new privileges.  A fifth of a millisecond; a listener pays it once, before it forks.
 */
#ifndef SESSION_SANDBOX_H
#define SESSION_SANDBOX_H

#include "config/config.h"
#include "queue.h"

enum sandbox_for {
	SANDBOX_SESSION,	/* one conversation and nothing else */
	SANDBOX_BEFORE_TLS,	/* either of them, and may become smtp-handler-tls: reads and executes, writes only the queue */
	SANDBOX_LISTENER,	/* also accepts, forks, reads its configuration again; its sessions inherit it */
};

enum sandbox_walls {		/* bits: what holds */
	SANDBOX_FILES = 1,
	SANDBOX_CALLS = 2,
	SANDBOX_WHOLE = 3,
};

/*
 * Enter it, for good and for every child.  q: its folders, or NULL where nothing is queued; c names the
 * lists; config_file is read again by a listener (NULL: the default one).  Returns the walls that hold: a
 * kernel too old for one, or a build that cannot have it (sanitizers), leaves its bit out.
 */
unsigned sandbox_enter(enum sandbox_for whom, const struct queue *q, const struct config *c,
    const char *config_file);

#endif
