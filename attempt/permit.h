// SPDX-License-Identifier: ISC
/*
 * The right of a message to signatures, from the runner to the process that signs.  A worker has
 * the message too, but talks to strangers: it can neither make a permit nor read one.
 */
#ifndef ATTEMPT_PERMIT_H
#define ATTEMPT_PERMIT_H

#include "config/dkim.h"
#include "queue.h"

struct permit {
	char id[QUEUE_ID_SIZE];
	uint32_t scope;			/* enum dkim_scope */
	uint64_t at, size;		/* the content in the file */
	char domain[256];		/* of DKIM_OWN */
};

/* Make a permit.  A domain too long for a name gives no right. */
void permit_init(struct permit *p, const char *id, struct dkim_right right, uint64_t at,
    uint64_t size);

/* Its right; points into p. */
struct dkim_right permit_right(const struct permit *p);

/* Send it with the message, open for reading only; -1: without one, as it has no right.  It never
 * waits.  0; -EAGAIN if the process does not read; -errno. */
int permit_send(int fd, const struct permit *p, int message);

/* Receive one without waiting.  *ret_message is the message, which becomes the caller's, or -1.
 * 1: there is one, and each of its fields is valid; 0: the other end is closed; -EAGAIN: there is
 * none yet; -EBADMSG: it is no permit, and is dropped; -errno. */
int permit_receive(int fd, struct permit *ret, int *ret_message);

#endif
