// SPDX-License-Identifier: ISC
/*
 * The messages and recipients of an authenticated user in an hour, over all sessions.  The file of
 * failed logins has the counts, behind its own.
 */
#ifndef SESSION_QUOTA_H
#define SESSION_QUOTA_H

#include <stdint.h>

#include "base/slice.h"

enum quota_what { QUOTA_MESSAGES, QUOTA_RECIPIENTS };

enum quota_result {
	QUOTA_FREE,		/* counted */
	QUOTA_PASSED,		/* the user may have no more in this hour */
	QUOTA_PASSED_NOW,	/* and that is so for the first time in it */
};

/*
 * Count one more of what, unless the user has had `most` since the hour began.  The hour begins
 * with the first that is counted.  now_s is the time of the wall.  fd is the file.  A quota_result,
 * or -errno.
 */
int quota_take(int fd, struct slice user, enum quota_what what, uint64_t most, int64_t now_s);

#endif
