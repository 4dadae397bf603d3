// SPDX-License-Identifier: ISC
/*
 * Reports that smtp-fetch(8) posts to web servers: files "post-..." in state/reports.  Each has a
 * head of lines, an empty line, and the octets to post.
 */
#ifndef REPORTS_OUTBOX_H
#define REPORTS_OUTBOX_H

#include "base/slice.h"

struct outbox_post {
	const char *url, *type;
	int64_t until_s;		/* no try after that */
	struct slice file;
};

/* Keep a post under a name that begins with "post-", in place of one of that name.  0: it is
 * durable.  Or -errno. */
int outbox_put(int folder, const char *name, const struct outbox_post *p);

#endif
