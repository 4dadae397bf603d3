// SPDX-License-Identifier: ISC
/*
 * Two restrictions of a process.  Landlock closes every file outside tmp/ and new/ of the queue and
 * the folders of the address lists.  seccomp closes every system call that is not needed.  Both
 * together cost a fifth of a millisecond; a listener pays that once, before it forks.
 */
#ifndef SESSION_SANDBOX_H
#define SESSION_SANDBOX_H

#include "config/config.h"
#include "queue.h"

enum sandbox_for {
	SANDBOX_SESSION,	/* one conversation and nothing else */
	SANDBOX_BEFORE_TLS,	/* either of the others, and may become smtp-handler-tls: every
				 * file can be read and executed, only the queue written */
	SANDBOX_LISTENER,	/* accepts, forks, reads its configuration again; its sessions
				 * inherit the restrictions */
};

enum sandbox_restrictions {		/* bits */
	SANDBOX_FILES = 1,
	SANDBOX_CALLS = 2,
	SANDBOX_WHOLE = 3,
};

/*
 * Enter the sandbox, for good and for every child.  q is NULL if nothing is queued.  c names the
 * lists.  A listener reads config_file again (NULL: the default file).  Returns the restrictions
 * that hold: an old kernel or a build with sanitizers lacks one or both.
 */
unsigned sandbox_enter(enum sandbox_for whom, const struct queue *q, const struct config *c,
    const char *config_file);

#endif
