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
	bool starts_tls;		/* a listener whose sessions start smtp-handler-tls */
};

/* Each is 0, or the -errno of a restriction that does not hold. */
struct sandbox_errors {
	int files, calls;
};

/* One conversation and nothing else, for good.  Its lists are opened here. */
struct sandbox_errors sandbox_session(const struct sandbox *s);

/* Accepting, forking, and reading the configuration again.  If its sessions start
 * smtp-handler-tls, all files can be read and executed. */
struct sandbox_errors sandbox_listener(const struct sandbox *s);

#endif
