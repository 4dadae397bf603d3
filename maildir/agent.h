// SPDX-License-Identifier: ISC
/*
 * The agent: a process that becomes the owner of a mailbox for good, and writes one message there.
 */
#ifndef MAILDIR_AGENT_H
#define MAILDIR_AGENT_H

#include <stdbool.h>
#include <stdint.h>

struct agent_terms {
	uint64_t min_uid;		/* the least uid of a user with mail */
	/* Has a route of the configuration this target? */
	bool (*has_route)(void *ctx, const char *target);
	void *ctx;
};

/* Take one request from fd, carry it out and answer it.  The process must end after that: it is
 * the user now.  0, or -errno if there was no request or no way to answer it. */
int agent_serve(int fd, const struct agent_terms *terms);

#endif
