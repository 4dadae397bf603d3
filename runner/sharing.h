// SPDX-License-Identifier: ISC
/*
 * The link to the process that asks Redis for a run (smtp-shared).  Nothing here waits.
 */
#ifndef RUNNER_SHARING_H
#define RUNNER_SHARING_H

#include "config/options.h"
#include "shared/talk.h"

struct sharing {
	enum { SHARING_OFF, SHARING_STARTING, SHARING_HERE, SHARING_AWAY } state;
	int fd;				/* to the process; meaningless if off */
	int64_t began_us;
	bool reported;			/* the trouble is in the log */
};

/* Start the process.  0 or -errno. */
int sharing_start(struct sharing *s, const struct options *options);

/* Is Redis there, or may it be? */
bool sharing_asks(const struct sharing *s);

/* False: the frame is not sent. */
bool sharing_send(const struct sharing *s, const struct talk *t);

/* Take a frame, whose text is in space.  1; 0 if there is none; -EPIPE: nothing good comes any
 * more. */
int sharing_next(const struct sharing *s, char space[TALK_OCTETS + 1], struct talk *ret);

/* Hang up.  Redis still gets what was sent. */
void sharing_end(struct sharing *s);

#endif
