// SPDX-License-Identifier: ISC
/*
 * The messages and recipients of an authenticated user in an hour, and recipients in a time of its
 * own, over all sessions.  The file of failed logins has the counts, behind its own.
 */
#ifndef SESSION_QUOTA_H
#define SESSION_QUOTA_H

#include <stdint.h>

#include "base/slice.h"

enum quota_what { QUOTA_MESSAGES, QUOTA_RECIPIENTS, QUOTA_RATE };

struct quota_limit {
	uint64_t most;
	int64_t time_s;		/* of messages and recipients: an hour */
};

enum quota_result {
	QUOTA_FREE,		/* counted */
	QUOTA_PASSED,		/* the user may have no more in this time */
	QUOTA_PASSED_NOW,	/* and that is so for the first time in it */
};

#define QUOTA_HOUR_S 3600

/*
 * Count one more of what, unless the user has had as many since the time began.  It begins with the
 * first that is counted.  now_s is the time of the wall.  fd is the file.  A quota_result, or
 * -errno.
 */
int quota_take(int fd, struct slice user, enum quota_what what, const struct quota_limit *limit,
    int64_t now_s);

#endif
