// SPDX-License-Identifier: ISC
/*
 * A report that waits to be posted to a web server, as smtp-report(8) writes it: lines, an empty
 * line, and the octets to post.
 */
#ifndef FETCH_POST_H
#define FETCH_POST_H

#include "base/buf.h"

#define POST_HOST_MAX 256
#define POST_PATH_MAX 1024

struct post {
	char host[POST_HOST_MAX];
	char path[POST_PATH_MAX];	/* "/v1/tlsrpt" */
	char type[100];
	int64_t until_s;		/* no try after that */
	struct slice body;		/* borrowed */
};

/* Read such a file.  False if it is damaged. */
bool post_read(struct slice text, struct post *ret);

#endif
